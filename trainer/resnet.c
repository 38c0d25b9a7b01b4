#include "resnet.h"

#include <stddef.h>

const float resnet_mean[3] = {123.675f, 116.28f, 103.53f};
const float resnet_deviation[3] = {58.395f, 57.12f, 57.375f};

/* Places in the table: a stage of two blocks starts at S and takes rows
 * S = conv1, S+1 = conv2 (S+1 = downsample, S+2 = conv2 where it strides),
 * then conv1 and conv2 of the second block. */
#define CONV(prefix, n, from, add, ci, co, k, s)                               \
    {                                                                          \
        LAYER_CONVOLUTION, prefix "conv" #n, prefix "bn" #n, from, add, ci,    \
            co, k, s, (k) / 2, true                                            \
    }
#define DOWN(prefix, from, ci, co)                                             \
    {                                                                          \
        LAYER_CONVOLUTION, prefix "downsample.0", prefix "downsample.1", from, \
            -1, ci, co, 1, 2, 0, false                                         \
    }
#define PLAIN_BLOCK(prefix, S, c)                                              \
    CONV(prefix, 1, (S)-1, -1, c, c, 3, 1),                                    \
        CONV(prefix, 2, S, (S)-1, c, c, 3, 1)
#define DOWN_BLOCK(prefix, S, ci, co)                                          \
    CONV(prefix, 1, (S)-1, -1, ci, co, 3, 2), DOWN(prefix, (S)-1, ci, co),     \
        CONV(prefix, 2, S, (S) + 1, co, co, 3, 1)

const struct layer resnet_layers[RESNET_LAYERS] = {
    CONV("", 1, -1, -1, 3, 64, 7, 2),
    {LAYER_MAX_POOL, "maxpool", NULL, 0, -1, 64, 64, 3, 2, 1, false},
    PLAIN_BLOCK("layer1.0.", 2, 64),
    PLAIN_BLOCK("layer1.1.", 4, 64),
    DOWN_BLOCK("layer2.0.", 6, 64, 128),
    PLAIN_BLOCK("layer2.1.", 9, 128),
    DOWN_BLOCK("layer3.0.", 11, 128, 256),
    PLAIN_BLOCK("layer3.1.", 14, 256),
    DOWN_BLOCK("layer4.0.", 16, 256, 512),
    PLAIN_BLOCK("layer4.1.", 19, 512),
    {LAYER_MEAN_POOL, "avgpool", NULL, 20, -1, 512, 512, 0, 0, 0, false},
    {LAYER_LINEAR, "fc", NULL, 21, -1, 512, 0, 0, 0, 0, false},
};
