/*
 * Kinds of layers: what a row of a network (network.h) does. All that differs
 * between kinds are the functions of a struct layer_type; plans, weights and
 * exports walk the rows and call them. Each kind has a file of its own in
 * trainer/layers/, and the table of them all stands there in layers.c.
 *
 * Constant data; the functions keep nothing of their own.
 */
#ifndef PRIMO_LAYER_H
#define PRIMO_LAYER_H

#include "core/network/network.h"

struct builder; /* plan_build.h */
struct graph;   /* trainer/files/graph.h */
struct random;

struct layer_type {
    const char *kind; /* struct layer's `kind` */
    /* The side of the result in pixels, given the side of the input. */
    int (*side)(const struct layer *l, int side);
    /* Set the `count` initial values of one output's kernel or bias. `r` is a
     * sequence of this output's own. NULL = the layer has no such weights. */
    void (*start)(const struct layer *l, enum weight_part part,
                  struct random *r, float *values, size_t count);
    /* In training, the steps of this row also do the batch normalisation of the
     * row before, if that is its input. */
    bool normalises_input;

    /* Add steps to a plan. `forward` and `backward` are for training; backward
     * takes the gradients of the row's result, and leaves those of its input
     * and its shortcut. `infer` is for evaluation. */
    void (*forward)(struct builder *b, int row);
    void (*backward)(struct builder *b, int row);
    void (*infer)(struct builder *b, int row);

    /* Add nodes to an ONNX graph, given the names of the row's input and its
     * shortcut (NULL = none); returns the name of the result. */
    const char *(*onnx)(struct graph *g, const struct layer *l,
                        const char *input, const char *shortcut);
};

/* The type of a row. Aborts if there is none of its kind: then network.c is
 * wrong, and net_test fails. */
const struct layer_type *layer_type(const struct layer *l);
/* The side of a row's result, in pixels; for row -1, image_size itself. */
int network_side(const struct network *net, int row, int image_size);
/* The side of the result of sliding a window with the row's kernel, stride and
 * padding. */
int layer_window_side(const struct layer *l, int side);

#endif
