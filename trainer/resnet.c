#include "resnet.h"

#include <stddef.h>

const float resnet_mean[3] = {123.675f, 116.28f, 103.53f};
const float resnet_deviation[3] = {58.395f, 57.12f, 57.375f};

/* Places in the table: a stage of two blocks starts at S and takes rows
 * S = conv1, S+1 = conv2 (S+2 = downsample, where it strides, to which conv2 is
 * added: torchvision's order is one in which rows can be computed), then conv1
 * and conv2 of the second block. */
#define CONV(prefix, n, from, add, ci, co, k, s, relu)                         \
    {                                                                          \
        LAYER_CONVOLUTION, prefix "conv" #n, prefix "bn" #n, from, add, ci,    \
            co, k, s, (k) / 2, relu                                            \
    }
#define DOWN(prefix, from, add, ci, co)                                        \
    {                                                                          \
        LAYER_CONVOLUTION, prefix "downsample.0", prefix "downsample.1", from, \
            add, ci, co, 1, 2, 0, true                                         \
    }
#define PLAIN_BLOCK(prefix, S, c)                                              \
    CONV(prefix, 1, (S)-1, -1, c, c, 3, 1, true),                              \
        CONV(prefix, 2, S, (S)-1, c, c, 3, 1, true)
#define DOWN_BLOCK(prefix, S, ci, co)                                          \
    CONV(prefix, 1, (S)-1, -1, ci, co, 3, 2, true),                            \
        CONV(prefix, 2, S, -1, co, co, 3, 1, false),                           \
        DOWN(prefix, (S)-1, (S) + 1, ci, co)

const struct layer resnet_layers[RESNET_LAYERS] = {
    CONV("", 1, -1, -1, 3, 64, 7, 2, true),
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

int resnet_side(int row, int image_size)
{
    if (row < 0)
        return image_size;
    const struct layer *l = &resnet_layers[row];
    int side = resnet_side(l->input, image_size);

    if (l->kind == LAYER_MEAN_POOL || l->kind == LAYER_LINEAR)
        return 1;
    return (side + 2 * l->padding - l->kernel) / l->stride + 1;
}
