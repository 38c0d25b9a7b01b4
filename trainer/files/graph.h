/*
 * An ONNX graph (opset 13) that is being put together: onnx.c and the layers
 * (trainer/net/layer.h) add to it what they need. No other file knows the
 * messages of ONNX.
 *
 * A graph keeps the first error and goes on, so that only graph_save() is
 * asked whether all went well. As in text.h, being out of memory for a few
 * bytes ends the process. Names that it returns live as long as it does. One
 * thread.
 */
#ifndef PRIMO_GRAPH_H
#define PRIMO_GRAPH_H

#include "core/basic/reason.h"
#include "core/network/network.h"
#include "core/network/safetensors_header.h"
#include "trainer/basic/tensor.h"

struct graph;

/* Life cycle */

/* Begin the graph of a network with so many classes. `tensors` are its weights,
 * whose values must outlive the graph. */
struct graph *graph_open(const char *name, const struct tensor *tensors,
                         int tensor_count, int classes, struct reason *why);
void graph_free(struct graph *g);

/* Change */

/* An input or output of the graph: float32 [N, …]. */
struct graph_end {
    const char *name;
    const char *what; /* a description for people */
    const char *kind; /* ONNX's word for it, "IMAGE"; NULL = it has none */
    int rank;
    int dim[4];             /* 0 = N, the number of pictures */
    const char *meaning[4]; /* ONNX's words for the dimensions, or NULL */
};
const char *graph_input(struct graph *g, const struct graph_end *end);
void graph_output(struct graph *g, const struct graph_end *end);

/* Add a constant of this name and shape. The values must outlive the graph. */
const char *graph_constant(struct graph *g, const char *name,
                           const int64_t *dim, int rank, const float *values);
/* Add a weight that the layer's row must have. EINVAL where the tensors lack
 * it, or have it in another shape. */
const char *graph_weight(struct graph *g, const struct layer *l,
                         enum weight_part part);

/* Begin the nodes of a row, whose result has so many pixels aside. */
void graph_row(struct graph *g, int side);

/* Add a node of a type. The node and its result are both called NAMESUFFIX. */
#define GRAPH_NAMES(...)                                                       \
    (const char *const[])                                                      \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }
const char *graph_node(struct graph *g, const char *type, const char *name,
                       const char *suffix, const char *const *input);
/* Add an attribute to the node that was added last. */
void graph_int(struct graph *g, const char *name, int64_t value);
void graph_float(struct graph *g, const char *name, float value);
/* Add kernel_shape, strides, pads and group as the layer's row has them. */
void graph_window(struct graph *g, const struct layer *l);
/* Add the nodes of the row's normalisation, or of its activation, whose names
 * begin with `name`; they return their result's. */
const char *graph_norm(struct graph *g, const struct layer *l, const char *x);
/* Add nodes that repeat a picture of one pixel on all pixels of the row's
 * result. */
const char *graph_spread(struct graph *g, const char *name, const char *x);
const char *graph_activation(struct graph *g, const struct layer *l,
                             const char *name, const char *x);

/* Write the file aside, sync it and rename it. The same graph gives the same
 * bytes. */
int graph_save(struct graph *g, const char *path,
               const struct metadata *metadata, int count);

#endif
