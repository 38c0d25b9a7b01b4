/*
 * The networks that can be trained, as rows of layers: the only place that
 * knows their shapes, their names, and the names that other programs give to
 * their weights. Both programs read it. What a kind of layer computes is no
 * concern of this file: trainer/net/layer.h has the functions.
 *
 * The rows of a network are in torchvision's order, and so that they can be
 * computed: a row reads only rows before it. The first row reads the image,
 * the last one is the head. Constant data; any thread.
 */
#ifndef PRIMO_NETWORK_H
#define PRIMO_NETWORK_H

#include "core/basic/text.h"

#include <stdbool.h>
#include <stdint.h>

struct layer {
    const char *kind; /* which struct layer_type computes it */
    const char *name; /* its weights are NAME.weight and NAME.bias */
    const char *norm; /* its batch normalisation: NORM.weight, NORM.bias,
                         NORM.running_mean, NORM.running_var; NULL = none */
    int input;        /* how many rows back the row is that it reads; that of
                         the first row is the normalised image */
    int shortcut;     /* how many rows back the row is whose result is added
                         behind the normalisation; 0 = nothing is added */
    int in, out;      /* channels; `out` = 0 is the number of classes */
    int kernel, stride, padding;
    int rank;  /* of NAME.weight: 4 = [out, in, kernel, kernel],
                  2 = [out, in], 0 = the layer has no weight */
    bool bias; /* whether there is NAME.bias, [out] */
    bool relu; /* whether a ReLU is the last step of the row */
};

/* Whose names the weights in a file have. */
struct naming {
    const char *title; /* "torchvision's"; translate it */
    /* Writes the name that a weight has there, given torchvision's; NULL =
     * they are torchvision's. */
    void (*put)(char *out, size_t size, const char *name);
    /* What the names of the layers' weights begin with; NULL ends the list. */
    const char *const *starts;
};

struct network {
    const char *name, *title; /* "resnet18", "ResNet-18" */
    const struct layer *layer;
    int layers;
    /* A weight that tells it from the networks before it that have the same
     * first weight; NULL = it is the first of them. */
    const char *mark;
    const struct naming *const *namings; /* NULL ends the list */
};

extern const struct network networks[]; /* from the smallest on */
extern const int networks_count;

#define NETWORK_EPSILON 1e-5f /* of batch normalisation */

/* ImageNet's mean and deviation of red, green and blue, of values 0 to 255. */
extern const float network_mean[3], network_deviation[3];

/* The network of that name; NULL = there is none. */
const struct network *network_find(const char *name);
/* Append "ResNet-18, ResNet-34 or ResNet-50": the titles of all networks. */
void networks_put_titles(struct text *out);
/* Append "resnet18, resnet34 or resnet50": the names of all networks. */
void networks_put_names(struct text *out);

/* Rows */

/* The row that a row reads; -1 is the normalised image. */
static inline int network_input(const struct network *net, int row)
{
    return row - net->layer[row].input;
}

/* The row whose result a row adds; -1 = it adds none. */
static inline int network_shortcut(const struct network *net, int row)
{
    return net->layer[row].shortcut ? row - net->layer[row].shortcut : -1;
}

static inline int network_head(const struct network *net)
{
    return net->layers - 1;
}

/* Weights */

enum weight_part {
    WEIGHT_KERNEL, /* NAME.weight, also that of the head */
    WEIGHT_BIAS,   /* NAME.bias */
    WEIGHT_GAMMA,  /* NORM.weight, and so on */
    WEIGHT_BETA,
    WEIGHT_MEAN,
    WEIGHT_VARIANCE,
    WEIGHT_PARTS,
};

struct weight_shape {
    char name[64]; /* torchvision's */
    int rank;
    int64_t dim[4]; /* dim[rank..] = 1 */
};

/* What a weight of a row is called and how large it is, in a network of so
 * many classes; false = the row has no such weight. */
bool layer_weight(const struct layer *l, enum weight_part part, int classes,
                  struct weight_shape *out);
/* Whether that is the name of a weight of the head. */
bool network_is_head(const struct network *net, const char *name);

#endif
