/*
 * The shapes of ResNet-18, 34 and 50 as torchvision defines them, as rows that
 * the network, the exports and the check of base models walk: the only place
 * that knows them.
 *
 * Rows are in torchvision's order, and so that they can be computed: a row
 * reads only rows before it. The first is a convolution of the image, the last
 * the head. Constant data; any thread.
 */
#ifndef PRIMO_NETWORK_H
#define PRIMO_NETWORK_H

#include <stdbool.h>

enum layer_kind {
    LAYER_CONVOLUTION, /* without bias, batch-normalised, see `shortcut` */
    LAYER_MAX_POOL,    /* padded with -infinity */
    LAYER_MEAN_POOL,   /* over the whole height and width */
    LAYER_LINEAR,      /* `out` = 0 stands for the number of classes */
};

struct layer {
    enum layer_kind kind;
    const char *name; /* its weights are NAME.weight (and NAME.bias) */
    const char *norm; /* its batch normalisation: NORM.weight, NORM.bias,
                         NORM.running_mean, NORM.running_var; NULL = none */
    int input;        /* the row that it reads, -1 = the normalised image */
    int shortcut;     /* the row added behind the normalisation, -1 = none */
    int in, out;      /* channels */
    int kernel, stride, padding;
    bool relu; /* the last step of the row */
};

struct network {
    const char *name, *title; /* "resnet18", "ResNet-18" */
    const struct layer *layer;
    int layers;
};

enum { NETWORK_LAYERS_MAX = 56, NETWORKS = 3 };
extern const struct network networks[NETWORKS]; /* from the smallest on */

#define NETWORK_EPSILON 1e-5f /* of batch normalisation */

/* ImageNet's mean and deviation of red, green and blue, of values 0 to 255. */
extern const float network_mean[3], network_deviation[3];

/* By its name; NULL = there is none. */
const struct network *network_find(const char *name);
/* The side of a row's result, in pixels, for pictures of a side (which is that
 * of row -1). */
int network_side(const struct network *net, int row, int image_size);

#endif
