/* ResNets, in torchvision's shape and names. */
#include "core/basic/language.h"
#include "core/network/network.h"

#include <stdio.h>
#include <string.h>

#define LENGTH(array) (int)(sizeof(array) / sizeof *(array))

/* A block consists of conv1, conv2 and, in a bottleneck, conv3. Its
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

const struct network network_resnet18 = {
    .name = "resnet18",
    .title = "ResNet-18",
    .fresh = "scratch",
    .layer = resnet18,
    .layers = LENGTH(resnet18),
    .namings = resnet_namings,
};
const struct network network_resnet34 = {
    .name = "resnet34",
    .title = "ResNet-34",
    .layer = resnet34,
    .layers = LENGTH(resnet34),
    .mark = "layer1.2.conv1.weight",
    .namings = resnet_namings,
};
const struct network network_resnet50 = {
    .name = "resnet50",
    .title = "ResNet-50",
    .layer = resnet50,
    .layers = LENGTH(resnet50),
    .mark = "layer1.0.conv3.weight",
    .namings = resnet_namings,
};
