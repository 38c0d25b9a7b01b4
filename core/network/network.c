#include "core/network/network.h"

#include "core/basic/language.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define LENGTH(array) (int)(sizeof(array) / sizeof *(array))

const float network_mean[3] = {123.675f, 116.28f, 103.53f};
const float network_deviation[3] = {58.395f, 57.12f, 57.375f};

/* ResNets. A block consists of conv1, conv2 and, in a bottleneck, conv3. Its
 * last row adds the input of the block, which is `add` rows back. A block that
 * changes the shape has a row `downsample` at its end instead, which reads the
 * input of the block and adds the row before itself. So rows can be computed in
 * torchvision's order. */
#define CONV(prefix, n, add, ci, co, k, s, last)                               \
    {                                                                          \
        .kind = "convolution", .name = prefix "conv" #n,                       \
        .norm = prefix "bn" #n, .input = 1, .shortcut = add, .in = ci,         \
        .out = co, .kernel = k, .stride = s, .padding = (k) / 2, .rank = 4,    \
        .epsilon = NORM_EPSILON, .momentum = NORM_MOMENTUM,                    \
        .activation = (last) ? ACTIVATION_RELU : ACTIVATION_NONE               \
    }
#define DOWN(prefix, from, ci, co, s)                                          \
    {                                                                          \
        .kind = "convolution", .name = prefix "downsample.0",                  \
        .norm = prefix "downsample.1", .input = from, .shortcut = 1, .in = ci, \
        .out = co, .kernel = 1, .stride = s, .rank = 4,                        \
        .epsilon = NORM_EPSILON, .momentum = NORM_MOMENTUM,                    \
        .activation = ACTIVATION_RELU                                          \
    }

/* Blocks of two convolutions */
#define PLAIN(prefix, c)                                                       \
    CONV(prefix, 1, 0, c, c, 3, 1, true), CONV(prefix, 2, 2, c, c, 3, 1, true)
#define PLAIN_DOWN(prefix, ci, co)                                             \
    CONV(prefix, 1, 0, ci, co, 3, 2, true),                                    \
        CONV(prefix, 2, 0, co, co, 3, 1, false), DOWN(prefix, 3, ci, co, 2)

/* Bottlenecks, four times as wide at their ends */
#define NECK(prefix, c)                                                        \
    CONV(prefix, 1, 0, 4 * (c), c, 1, 1, true),                                \
        CONV(prefix, 2, 0, c, c, 3, 1, true),                                  \
        CONV(prefix, 3, 3, c, 4 * (c), 1, 1, true)
#define NECK_DOWN(prefix, ci, c, s)                                            \
    CONV(prefix, 1, 0, ci, c, 1, 1, true),                                     \
        CONV(prefix, 2, 0, c, c, 3, s, true),                                  \
        CONV(prefix, 3, 0, c, 4 * (c), 1, 1, false),                           \
        DOWN(prefix, 4, ci, 4 * (c), s)

#define STEM                                                                   \
    CONV("", 1, 0, 3, 64, 7, 2, true),                                         \
    {                                                                          \
        .kind = "max pool", .name = "maxpool", .input = 1, .in = 64,           \
        .out = 64, .kernel = 3, .stride = 2, .padding = 1                      \
    }
#define HEAD(c)                                                                \
    {.kind = "mean pool", .name = "avgpool", .input = 1, .in = c, .out = c},   \
    {                                                                          \
        .kind = "linear", .name = "fc", .input = 1, .in = c, .rank = 2,        \
        .bias = true                                                           \
    }

static const struct layer resnet18[] = {
    STEM,
    PLAIN("layer1.0.", 64),
    PLAIN("layer1.1.", 64),
    PLAIN_DOWN("layer2.0.", 64, 128),
    PLAIN("layer2.1.", 128),
    PLAIN_DOWN("layer3.0.", 128, 256),
    PLAIN("layer3.1.", 256),
    PLAIN_DOWN("layer4.0.", 256, 512),
    PLAIN("layer4.1.", 512),
    HEAD(512),
};

static const struct layer resnet34[] = {
    STEM,
    PLAIN("layer1.0.", 64),
    PLAIN("layer1.1.", 64),
    PLAIN("layer1.2.", 64),
    PLAIN_DOWN("layer2.0.", 64, 128),
    PLAIN("layer2.1.", 128),
    PLAIN("layer2.2.", 128),
    PLAIN("layer2.3.", 128),
    PLAIN_DOWN("layer3.0.", 128, 256),
    PLAIN("layer3.1.", 256),
    PLAIN("layer3.2.", 256),
    PLAIN("layer3.3.", 256),
    PLAIN("layer3.4.", 256),
    PLAIN("layer3.5.", 256),
    PLAIN_DOWN("layer4.0.", 256, 512),
    PLAIN("layer4.1.", 512),
    PLAIN("layer4.2.", 512),
    HEAD(512),
};

static const struct layer resnet50[] = {
    STEM,
    NECK_DOWN("layer1.0.", 64, 64, 1),
    NECK("layer1.1.", 64),
    NECK("layer1.2.", 64),
    NECK_DOWN("layer2.0.", 256, 128, 2),
    NECK("layer2.1.", 128),
    NECK("layer2.2.", 128),
    NECK("layer2.3.", 128),
    NECK_DOWN("layer3.0.", 512, 256, 2),
    NECK("layer3.1.", 256),
    NECK("layer3.2.", 256),
    NECK("layer3.3.", 256),
    NECK("layer3.4.", 256),
    NECK("layer3.5.", 256),
    NECK_DOWN("layer4.0.", 1024, 512, 2),
    NECK("layer4.1.", 512),
    NECK("layer4.2.", 512),
    HEAD(2048),
};

/* Two namings of ResNets' weights: torchvision's, which timm uses, too, and the
 * one of Hugging Face's microsoft/resnet-*. */

/* Writes Hugging Face's name for a part of a block, such as "conv1.weight". */
static void put_block_part(char *out, size_t size, const char *part)
{
    const char *rest = part + strcspn(part, ".");
    int n;
    if (sscanf(part, "conv%d", &n) == 1)
        snprintf(out, size, "layer.%d.convolution%s", n - 1, rest);
    else if (sscanf(part, "bn%d", &n) == 1)
        snprintf(out, size, "layer.%d.normalization%s", n - 1, rest);
    else if (sscanf(part, "downsample.%d", &n) == 1)
        snprintf(out, size, "shortcut.%s%s",
                 n ? "normalization" : "convolution",
                 part + strlen("downsample.0"));
}

static void resnet_put_hugging_face(char *out, size_t size, const char *name)
{
    static const struct {
        const char *from, *to;
    } ends[] = {{"conv1.", "embedder.embedder.convolution."},
                {"bn1.", "embedder.embedder.normalization."},
                {"fc.", "classifier.1."}};
    int stage, block, used = 0;
    if (sscanf(name, "layer%d.%d.%n", &stage, &block, &used) == 2 && used) {
        int at = snprintf(out, size, "encoder.stages.%d.layers.%d.", stage - 1,
                          block);
        put_block_part(out + at, size - (size_t)at, name + used);
        return;
    }
    for (int i = 0; i < LENGTH(ends); i++) {
        size_t n = strlen(ends[i].from);
        if (!strncmp(name, ends[i].from, n))
            snprintf(out, size, "%s%s", ends[i].to, name + n);
    }
}

static const struct naming resnet_torchvision = {
    .title = N_("torchvision's"),
    .starts = (const char *const[]){"layer", "conv1.", "bn1.", NULL},
};
static const struct naming resnet_hugging_face = {
    .title = N_("Hugging Face's"),
    .put = resnet_put_hugging_face,
    .starts = (const char *const[]){"embedder.", "encoder.", NULL},
};
static const struct naming *const resnet_namings[] = {
    &resnet_torchvision, &resnet_hugging_face, NULL};

/* The networks */

#define ROWS(table) .layer = table, .layers = LENGTH(table)

const struct network networks[] = {
    {
        .name = "resnet18",
        .title = "ResNet-18",
        ROWS(resnet18),
        .namings = resnet_namings,
    },
    {
        .name = "resnet34",
        .title = "ResNet-34",
        ROWS(resnet34),
        .mark = "layer1.2.conv1.weight",
        .namings = resnet_namings,
    },
    {
        .name = "resnet50",
        .title = "ResNet-50",
        ROWS(resnet50),
        .mark = "layer1.0.conv3.weight",
        .namings = resnet_namings,
    },
};
const int networks_count = LENGTH(networks);

const struct network *network_find(const char *name)
{
    for (int i = 0; i < networks_count; i++)
        if (!strcmp(networks[i].name, name))
            return &networks[i];
    return NULL;
}

/* The separator before the i-th network in a sentence. */
static const char *separator(int i)
{
    return i == 0 ? "" : i < networks_count - 1 ? ", " : _(" or ");
}

void networks_put_titles(struct text *out)
{
    for (int i = 0; i < networks_count; i++)
        text_printf(out, "%s%s", separator(i), networks[i].title);
}

void networks_put_names(struct text *out)
{
    for (int i = 0; i < networks_count; i++)
        text_printf(out, "%s%s", separator(i), networks[i].name);
}

/* Weights */

static bool layer_has(const struct layer *l, enum weight_part part)
{
    if (part == WEIGHT_KERNEL)
        return l->rank > 0;
    return part == WEIGHT_BIAS ? l->bias : l->norm != NULL;
}

bool layer_weight(const struct layer *l, enum weight_part part, int classes,
                  struct weight_shape *out)
{
    static const char *const suffix[WEIGHT_PARTS] = {
        [WEIGHT_KERNEL] = ".weight",     [WEIGHT_BIAS] = ".bias",
        [WEIGHT_GAMMA] = ".weight",      [WEIGHT_BETA] = ".bias",
        [WEIGHT_MEAN] = ".running_mean", [WEIGHT_VARIANCE] = ".running_var",
    };
    if (!layer_has(l, part))
        return false;
    snprintf(out->name, sizeof out->name, "%s%s",
             part < WEIGHT_GAMMA ? l->name : l->norm, suffix[part]);
    out->rank = part == WEIGHT_KERNEL ? l->rank : 1;
    out->dim[0] = l->out ? l->out : classes;
    out->dim[1] = out->rank > 1 ? l->in / (l->groups ? l->groups : 1) : 1;
    out->dim[2] = out->dim[3] = out->rank > 2 ? l->kernel : 1;
    return true;
}

bool network_is_head(const struct network *net, const char *name)
{
    const char *head = net->layer[network_head(net)].name;
    size_t n = strlen(head);
    return !strncmp(name, head, n) && name[n] == '.';
}
