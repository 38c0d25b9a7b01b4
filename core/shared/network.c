#include "core/shared/network.h"

#include <stddef.h>
#include <string.h>

const float network_mean[3] = {123.675f, 116.28f, 103.53f};
const float network_deviation[3] = {58.395f, 57.12f, 57.375f};

/* Places in the tables: a block takes rows from S on, conv1, conv2 and, where
 * it is a bottleneck, conv3; it reads row S - 1. One that changes the shape has
 * `downsample` behind them, to which the last of them is added: torchvision's
 * order is one in which rows can be computed. */
#define CONV(prefix, n, from, add, ci, co, k, s, relu)                         \
    {                                                                          \
        LAYER_CONVOLUTION, prefix "conv" #n, prefix "bn" #n, from, add, ci,    \
            co, k, s, (k) / 2, relu                                            \
    }
#define DOWN(prefix, from, add, ci, co, s)                                     \
    {                                                                          \
        LAYER_CONVOLUTION, prefix "downsample.0", prefix "downsample.1", from, \
            add, ci, co, 1, s, 0, true                                         \
    }

/* Of two convolutions: 2 rows, or 3 */
#define PLAIN(prefix, S, c)                                                    \
    CONV(prefix, 1, (S)-1, -1, c, c, 3, 1, true),                              \
        CONV(prefix, 2, S, (S)-1, c, c, 3, 1, true)
#define PLAIN_DOWN(prefix, S, ci, co)                                          \
    CONV(prefix, 1, (S)-1, -1, ci, co, 3, 2, true),                            \
        CONV(prefix, 2, S, -1, co, co, 3, 1, false),                           \
        DOWN(prefix, (S)-1, (S) + 1, ci, co, 2)

/* Bottlenecks, four times as wide at their ends: 3 rows, or 4 */
#define NECK(prefix, S, c)                                                     \
    CONV(prefix, 1, (S)-1, -1, 4 * (c), c, 1, 1, true),                        \
        CONV(prefix, 2, S, -1, c, c, 3, 1, true),                              \
        CONV(prefix, 3, (S) + 1, (S)-1, c, 4 * (c), 1, 1, true)
#define NECK_DOWN(prefix, S, ci, c, s)                                         \
    CONV(prefix, 1, (S)-1, -1, ci, c, 1, 1, true),                             \
        CONV(prefix, 2, S, -1, c, c, 3, s, true),                              \
        CONV(prefix, 3, (S) + 1, -1, c, 4 * (c), 1, 1, false),                 \
        DOWN(prefix, (S)-1, (S) + 2, ci, 4 * (c), s)

#define STEM                                                                   \
    CONV("", 1, -1, -1, 3, 64, 7, 2, true),                                    \
    {                                                                          \
        LAYER_MAX_POOL, "maxpool", NULL, 0, -1, 64, 64, 3, 2, 1, false         \
    }
#define HEAD(S, c)                                                             \
    {LAYER_MEAN_POOL, "avgpool", NULL, (S)-1, -1, c, c, 0, 0, 0, false},       \
    {                                                                          \
        LAYER_LINEAR, "fc", NULL, S, -1, c, 0, 0, 0, 0, false                  \
    }

static const struct layer resnet18[] = {
    STEM,
    PLAIN("layer1.0.", 2, 64),
    PLAIN("layer1.1.", 4, 64),
    PLAIN_DOWN("layer2.0.", 6, 64, 128),
    PLAIN("layer2.1.", 9, 128),
    PLAIN_DOWN("layer3.0.", 11, 128, 256),
    PLAIN("layer3.1.", 14, 256),
    PLAIN_DOWN("layer4.0.", 16, 256, 512),
    PLAIN("layer4.1.", 19, 512),
    HEAD(21, 512),
};

static const struct layer resnet34[] = {
    STEM,
    PLAIN("layer1.0.", 2, 64),
    PLAIN("layer1.1.", 4, 64),
    PLAIN("layer1.2.", 6, 64),
    PLAIN_DOWN("layer2.0.", 8, 64, 128),
    PLAIN("layer2.1.", 11, 128),
    PLAIN("layer2.2.", 13, 128),
    PLAIN("layer2.3.", 15, 128),
    PLAIN_DOWN("layer3.0.", 17, 128, 256),
    PLAIN("layer3.1.", 20, 256),
    PLAIN("layer3.2.", 22, 256),
    PLAIN("layer3.3.", 24, 256),
    PLAIN("layer3.4.", 26, 256),
    PLAIN("layer3.5.", 28, 256),
    PLAIN_DOWN("layer4.0.", 30, 256, 512),
    PLAIN("layer4.1.", 33, 512),
    PLAIN("layer4.2.", 35, 512),
    HEAD(37, 512),
};

static const struct layer resnet50[] = {
    STEM,
    NECK_DOWN("layer1.0.", 2, 64, 64, 1),
    NECK("layer1.1.", 6, 64),
    NECK("layer1.2.", 9, 64),
    NECK_DOWN("layer2.0.", 12, 256, 128, 2),
    NECK("layer2.1.", 16, 128),
    NECK("layer2.2.", 19, 128),
    NECK("layer2.3.", 22, 128),
    NECK_DOWN("layer3.0.", 25, 512, 256, 2),
    NECK("layer3.1.", 29, 256),
    NECK("layer3.2.", 32, 256),
    NECK("layer3.3.", 35, 256),
    NECK("layer3.4.", 38, 256),
    NECK("layer3.5.", 41, 256),
    NECK_DOWN("layer4.0.", 44, 1024, 512, 2),
    NECK("layer4.1.", 48, 512),
    NECK("layer4.2.", 51, 512),
    HEAD(54, 2048),
};

#define ROWS(table) table, sizeof table / sizeof *table

const struct network networks[NETWORKS] = {
    {"resnet18", "ResNet-18", ROWS(resnet18)},
    {"resnet34", "ResNet-34", ROWS(resnet34)},
    {"resnet50", "ResNet-50", ROWS(resnet50)},
};

_Static_assert(sizeof resnet50 / sizeof *resnet50 == NETWORK_LAYERS_MAX,
               "the largest has as many rows as there is room for");

const struct network *network_find(const char *name)
{
    for (int i = 0; i < NETWORKS; i++)
        if (!strcmp(networks[i].name, name))
            return &networks[i];
    return NULL;
}

int network_side(const struct network *net, int row, int image_size)
{
    if (row < 0)
        return image_size;
    const struct layer *l = &net->layer[row];
    int side = network_side(net, l->input, image_size);

    if (l->kind == LAYER_MEAN_POOL || l->kind == LAYER_LINEAR)
        return 1;
    return (side + 2 * l->padding - l->kernel) / l->stride + 1;
}
