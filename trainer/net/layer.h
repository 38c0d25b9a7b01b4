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

#include "core/shared/network.h"

struct builder; /* plan_build.h */
struct graph;   /* trainer/files/graph.h */
struct random;

struct layer_type {
    const char *kind; /* struct layer's `kind` */
    /* The side of the result in pixels, given that of what the row reads. */
    int (*side)(const struct layer *l, int side);
    /* Initial values of one output: `count` of them, of the kernel or of the
     * bias. The stream is this output's own. NULL = it has no such weights. */
    void (*start)(const struct layer *l, struct random *r, float *values,
                  size_t count);
    /* In training, the row's steps take over the normalisation of the row
     * before, where this one reads that. */
    bool normalises_input;

    /* Steps of plans. `forward` and `backward` are those of training: backward
     * takes the gradients of the row's result and leaves those of what the row
     * read. `infer` is for evaluation. */
    void (*forward)(struct builder *b, int row);
    void (*backward)(struct builder *b, int row);
    void (*infer)(struct builder *b, int row);

    /* Nodes of an ONNX graph, given the names of what the row reads and adds
     * (NULL = nothing); returns the name of the result. */
    const char *(*onnx)(struct graph *g, const struct layer *l,
                        const char *input, const char *shortcut);
};

/* The type of a row. Ends the process where layer_types[] has none of its kind:
 * then network.c names a kind that does not exist, which net_test tells. */
const struct layer_type *layer_type(const struct layer *l);
/* The side of a row's result, in pixels, for pictures of a side (which is that
 * of row -1). */
int network_side(const struct network *net, int row, int image_size);
/* The side that a window of the row's kernel, stride and padding leaves. */
int layer_window_side(const struct layer *l, int side);

#endif
