/* MobileNetV3, in torchvision's shape and names. torchvision's dropout before
 * the head is left out. */
#include "core/basic/language.h"
#include "core/network/network.h"

#include <stdio.h>
#include <string.h>

#define LENGTH(array) (int)(sizeof(array) / sizeof *(array))

/* A block widens its channels, convolves each of them, squeezes
 * and excites them or not, and projects them to fewer; where the shape stays,
 * the projection adds the input of the block, `add` rows back. `i` counts the
 * blocks, `j` the parts of one. */
#define MOBILE_NORM(n) .norm = n, .epsilon = 1e-3f, .momentum = 0.01f
#define POINT(i, j, add, ci, co, by)                                           \
    {                                                                          \
        .kind = "convolution", .name = "features." #i ".block." #j ".0",       \
        MOBILE_NORM("features." #i ".block." #j ".1"), .input = 1,             \
        .shortcut = add, .in = ci, .out = co, .kernel = 1, .stride = 1,        \
        .rank = 4, .activation = ACTIVATION_##by                               \
    }
#define DEPTH(i, j, c, k, s, by)                                               \
    {                                                                          \
        .kind = "depthwise convolution",                                       \
        .name = "features." #i ".block." #j ".0",                              \
        MOBILE_NORM("features." #i ".block." #j ".1"), .input = 1, .in = c,    \
        .out = c, .kernel = k, .stride = s, .padding = (k) / 2, .groups = c,   \
        .rank = 4, .activation = ACTIVATION_##by                               \
    }
#define GATE_PART(i, j, part, ci, co, by)                                      \
    {                                                                          \
        .kind = "linear", .name = "features." #i ".block." #j "." part,        \
        .input = 1, .in = ci, .out = co, .kernel = 1, .stride = 1, .rank = 4,  \
        .bias = true, .activation = ACTIVATION_##by                            \
    }
#define SQUEEZED(i, j, c, few)                                                 \
    {.kind = "squeeze",                                                        \
     .name = "features." #i ".block." #j ".avgpool",                           \
     .input = 1,                                                               \
     .in = c,                                                                  \
     .out = c},                                                                \
        GATE_PART(i, j, "fc1", c, few, RELU),                                  \
        GATE_PART(i, j, "fc2", few, c, HARD_SIGMOID),                          \
    {                                                                          \
        .kind = "excite", .name = "features." #i ".block." #j ".scale",        \
        .input = 4, .shortcut = 1, .in = c, .out = c                           \
    }
#define MOBILE(i, add, ci, wide, co, k, s, by)                                 \
    POINT(i, 0, 0, ci, wide, by), DEPTH(i, 1, wide, k, s, by),                 \
        POINT(i, 2, add, wide, co, NONE)
#define MOBILE_SQUEEZED(i, add, ci, wide, few, co, s)                          \
    POINT(i, 0, 0, ci, wide, HARD_SWISH), DEPTH(i, 1, wide, 5, s, HARD_SWISH), \
        SQUEEZED(i, 2, wide, few), POINT(i, 3, add, wide, co, NONE)
/* A convolution outside of the blocks. */
#define MOBILE_CONV(i, ci, co, k, s)                                           \
    {                                                                          \
        .kind = "convolution", .name = "features." #i ".0",                    \
        MOBILE_NORM("features." #i ".1"), .input = 1, .in = ci, .out = co,     \
        .kernel = k, .stride = s, .padding = (k) / 2, .rank = 4,               \
        .activation = ACTIVATION_HARD_SWISH                                    \
    }

static const struct layer mobilenet_small[] = {
    MOBILE_CONV(0, 3, 16, 3, 2),
    DEPTH(1, 0, 16, 3, 2, RELU),
    SQUEEZED(1, 1, 16, 8),
    POINT(1, 2, 0, 16, 16, NONE),
    MOBILE(2, 0, 16, 72, 24, 3, 2, RELU),
    MOBILE(3, 3, 24, 88, 24, 3, 1, RELU),
    MOBILE_SQUEEZED(4, 0, 24, 96, 24, 40, 2),
    MOBILE_SQUEEZED(5, 7, 40, 240, 64, 40, 1),
    MOBILE_SQUEEZED(6, 7, 40, 240, 64, 40, 1),
    MOBILE_SQUEEZED(7, 0, 40, 120, 32, 48, 1),
    MOBILE_SQUEEZED(8, 7, 48, 144, 40, 48, 1),
    MOBILE_SQUEEZED(9, 0, 48, 288, 72, 96, 2),
    MOBILE_SQUEEZED(10, 7, 96, 576, 144, 96, 1),
    MOBILE_SQUEEZED(11, 7, 96, 576, 144, 96, 1),
    MOBILE_CONV(12, 96, 576, 1, 1),
    {.kind = "mean pool", .name = "avgpool", .input = 1, .in = 576, .out = 576},
    {.kind = "linear",
     .name = "classifier.0",
     .input = 1,
     .in = 576,
     .out = 1024,
     .rank = 2,
     .bias = true,
     .deviation = 0.01f,
     .activation = ACTIVATION_HARD_SWISH},
    {.kind = "linear",
     .name = "classifier.3",
     .input = 1,
     .in = 1024,
     .rank = 2,
     .bias = true,
     .deviation = 0.01f},
};

/* Two namings: torchvision's and timm's, which Hugging Face has, too. */

/* Whether a part of a block is the one that squeezes. */
static bool is_gate(const char *part)
{
    return strstr(part, ".fc1.") || strstr(part, ".fc2.");
}

/* The parts of a block in timm's order: where the first one widens, that is
 * conv_pw, conv_dw and conv_pwl, with bn1 to bn3; else conv_dw and conv_pw. */
static void put_mobile_part(char *out, size_t size, int block, int part,
                            const char *rest)
{
    static const char *const convs[2][4] = {
        {"conv_dw", NULL, "conv_pw", NULL},
        {"conv_pw", "conv_dw", "conv_pwl", "conv_pwl"},
    };
    bool wide = block > 1;
    int number = wide ? (part < 2 ? part + 1 : 3) : (part ? 2 : 1);
    if (is_gate(rest))
        snprintf(out, size, "se.conv_%s%s",
                 !strncmp(rest, ".fc1", 4) ? "reduce" : "expand",
                 rest + strlen(".fc1"));
    else if (rest[1] == '0')
        snprintf(out, size, "%s%s", convs[wide][part], rest + 2);
    else
        snprintf(out, size, "bn%d%s", number, rest + 2);
}

static void mobilenet_put_timm(char *out, size_t size, const char *name)
{
    /* torchvision counts all blocks, timm those of each stage */
    static const struct {
        int stage, block;
    } places[] = {{0, 0}, {0, 0}, {1, 0}, {1, 1}, {2, 0}, {2, 1},
                  {2, 2}, {3, 0}, {3, 1}, {4, 0}, {4, 1}, {4, 2}};
    static const struct {
        const char *from, *to;
    } ends[] = {
        {"features.0.0.", "conv_stem."},
        {"features.0.1.", "bn1."},
        {"features.12.0.", "blocks.5.0.conv."},
        {"features.12.1.", "blocks.5.0.bn1."},
        {"classifier.0.", "conv_head."},
        {"classifier.3.", "classifier."},
    };
    int block, part, used = 0;
    if (sscanf(name, "features.%d.block.%d%n", &block, &part, &used) == 2 &&
        block < LENGTH(places)) {
        int at = snprintf(out, size, "blocks.%d.%d.", places[block].stage,
                          places[block].block);
        put_mobile_part(out + at, size - (size_t)at, block, part, name + used);
        return;
    }
    for (int i = 0; i < LENGTH(ends); i++) {
        size_t n = strlen(ends[i].from);
        if (!strncmp(name, ends[i].from, n))
            snprintf(out, size, "%s%s", ends[i].to, name + n);
    }
}

static const struct naming mobilenet_torchvision = {
    .title = N_("torchvision's"),
    .starts = (const char *const[]){"features.", "classifier.0.", NULL},
};
static const struct naming mobilenet_timm = {
    .title = N_("timm's"),
    .epsilon = NORM_EPSILON, /* PyTorch's own, unlike torchvision */
    .put = mobilenet_put_timm,
    .starts = (const char *const[]){"conv_stem.", "bn1.", "blocks.",
                                    "conv_head.", NULL},
};
static const struct naming *const mobilenet_namings[] = {&mobilenet_torchvision,
                                                         &mobilenet_timm, NULL};

const struct network network_mobilenet_v3_small = {
    .name = "mobilenet_v3_small",
    .title = "MobileNetV3-Small",
    .fresh = "mobilenet",
    .layer = mobilenet_small,
    .layers = LENGTH(mobilenet_small),
    .namings = mobilenet_namings,
};
