/*
 * The networks that can be trained, as rows of layers. Their shapes, their
 * names, and the names that other programs give to their weights are only here,
 * for both programs; each family has a file of its own. What a layer computes
 * is elsewhere: trainer/net/layer.h has the functions.
 *
 * The rows of a network are in torchvision's order, and a row reads only rows
 * before it. The first row reads the image, the last one is the head. Constant
 * data; any thread.
 */
#ifndef PRIMO_NETWORK_H
#define PRIMO_NETWORK_H

#include "core/basic/text.h"
#include "core/network/activation.h"

#include <stdbool.h>
#include <stdint.h>

struct layer {
    const char *kind; /* the name of its struct layer_type */
    const char *name; /* its weights are NAME.weight and NAME.bias */
    const char *norm; /* its batch normalisation: NORM.weight, NORM.bias,
                         NORM.running_mean, NORM.running_var; NULL = none */
    int input;        /* its input is so many rows back; before the first row
                         there is the normalised image */
    int shortcut;     /* the row so many rows back is read, too: a convolution
                         adds it after the normalisation, a gate is multiplied
                         with; 0 = there is none */
    int in, out;      /* channels; `out` = 0 is the number of classes */
    int kernel, stride, padding;
    int groups; /* of channels, which read only each other; 0 = 1 */
    int rank;   /* rank of NAME.weight: 4 = [out, in / groups, kernel, kernel],
                   2 = [out, in], 0 = the layer has no weight */
    bool bias;  /* there is a NAME.bias, [out] */
    float deviation; /* of the first values of a linear row's weight; 0 = those
                        of torch.nn.Linear */
    float epsilon;   /* of the normalisation: is added to a variance before its
                        root */
    float momentum;  /* how far the running statistics follow those of a batch,
                        0 to 1 */
    enum activation activation; /* the last step of the row */
};

/* PyTorch's own values for a normalisation. */
#define NORM_EPSILON  1e-5f
#define NORM_MOMENTUM 0.1f

/* A naming: the names that the weights of a network have in a file. */
struct naming {
    const char *title; /* "torchvision's", to be translated */
    float epsilon;     /* of those who have these names; 0 = that of the rows */
    /* Writes a weight's name in this naming, given torchvision's; NULL = it is
     * the same. */
    void (*put)(char *out, size_t size, const char *name);
    /* The beginnings of the names of layers' weights; NULL ends the list. */
    const char *const *starts;
};

struct network {
    const char *name, *title; /* "resnet18", "ResNet-18" */
    const char *fresh; /* as the name of a base: the network without weights;
                          core/state/builtin.c has that base. NULL = none */
    const struct layer *layer;
    int layers;
    /* A weight that the networks before this one with the same first weight do
     * not have; NULL = it is the first of them. */
    const char *mark;
    const struct naming *const *namings; /* NULL ends the list */
};

extern const struct network *const networks[]; /* the first is the one that is
                                                  meant where nothing is said */
extern const int networks_count;

/* ImageNet's mean and deviation of red, green and blue values from 0 to 255. */
extern const float network_mean[3], network_deviation[3];

/* The network of this name; NULL = there is none. */
const struct network *network_find(const char *name);
/* The network of which a base of this name is a fresh one; NULL = of none. */
const struct network *network_fresh(const char *base);
/* Append "ResNet-18, ResNet-34 or ResNet-50": the titles of all networks. */
void networks_put_titles(struct text *out);
/* Append "resnet18, resnet34 or resnet50": the names of all networks. */
void networks_put_names(struct text *out);

/* Rows */

/* The row that is the input of a row; -1 = the normalised image. */
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
    WEIGHT_KERNEL,   /* NAME.weight, of a convolution or the head */
    WEIGHT_BIAS,     /* NAME.bias */
    WEIGHT_GAMMA,    /* NORM.weight */
    WEIGHT_BETA,     /* NORM.bias */
    WEIGHT_MEAN,     /* NORM.running_mean */
    WEIGHT_VARIANCE, /* NORM.running_var */
    WEIGHT_PARTS,
};

struct weight_shape {
    char name[64]; /* torchvision's */
    int rank;
    int64_t dim[4]; /* dim[rank..] = 1 */
};

/* The name and the shape of a row's weight, in a network with so many classes;
 * false = the row has no such weight. */
bool layer_weight(const struct layer *l, enum weight_part part, int classes,
                  struct weight_shape *out);
/* Whether this is the name of a weight of the head. */
bool network_is_head(const struct network *net, const char *name);

#endif
