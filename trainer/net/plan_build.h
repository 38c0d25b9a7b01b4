/*
 * The builder with which layers add their steps to a plan (layer.h).
 *
 * A builder walks the rows: forward calling `forward` or `infer`, and back
 * calling `backward`. It keeps the first error. After one, its functions do
 * nothing and return NULL or an empty struct, so that callers need to check
 * only before they dereference such a pointer.
 */
#ifndef PRIMO_PLAN_BUILD_H
#define PRIMO_PLAN_BUILD_H

#include "trainer/loops/norm.h"
#include "trainer/net/layer.h"
#include "trainer/net/plan.h"

/* What a row has left for other rows. */
struct made {
    struct dnn_tensor result;
    void *x;             /* what is normalised, which the way back overwrites
                            with its gradient; NULL = nothing is */
    float *features;     /* the result in f32, if the head reads it */
    const void *forward; /* the problem of the step that normalises, which
                            the way back needs; training only */
    int readers;         /* rows that have yet to read the result; in training
                            all that read it */
    /* Gradients of the result, one from each row that read it. Their sum is
     * the gradient of the result. */
    void *gradient[2];
    int gradients;
};

struct builder {
    const struct plan_parts *parts;
    struct plan *plan;
    struct dnn_tensor image;
    struct made *made; /* [layers] */
    int err;           /* the first -errno */
    struct reason *why;
};

static inline const struct layer *build_layer(const struct builder *b, int row)
{
    return &b->parts->network->layer[row];
}

/* The row that is the input of a row; -1 = the image. */
static inline int build_from(const struct builder *b, int row)
{
    return network_input(b->parts->network, row);
}

/* The side of the row's result, in pixels. */
static inline int build_side(const struct builder *b, int row)
{
    return network_side(b->parts->network, row, b->parts->image_size);
}

/* The channels in a block of the row's result. */
static inline int build_block(const struct builder *b, int row)
{
    int block = dnn_block(b->parts->dnn);
    return block ? block : build_layer(b, row)->out;
}

/* Memory and layouts */
void *build_take(struct builder *b, size_t size);
void build_give(struct builder *b, const void *data);
struct dnn_tensor build_tensor(struct builder *b, const struct dnn_layout *l);
/* Take memory for a row's result, or for its gradient. */
struct dnn_tensor build_activation(struct builder *b, int row);
/* The input of a row. */
struct dnn_tensor build_input(struct builder *b, int row);
/* The size in bytes of a row's features in f32, and a tensor of them at `data`.
 */
size_t build_features_size(const struct builder *b, int row);
struct dnn_tensor build_features(struct builder *b, int row, float *data);

/* Steps */

/* Add the op at *op, unless making it returned the error `err`. */
void build_op(struct builder *b, int err, struct dnn_op **op);
/* Add a loop of our own. The plan keeps a copy of its problem, which is
 * returned.
 */
const void *build_own(struct builder *b, void (*run)(const void *problem),
                      const void *problem, size_t size);
/* Make the row's result by oneDNN's pooling of the row's input. */
void build_pool(struct builder *b, int row, struct dnn_pooling p);
/* The problem activate(norm(x) + shortcut?) of a row, for training; the caller
 * sets where the result goes. */
struct norm build_norm(struct builder *b, int row, const void *x);

/* In evaluation, note that a row has read the result of `row`; the last reader
 * gives its memory back. */
void build_read_once(struct builder *b, int row);

/* The way back: a row takes the gradients of its result, leaves those of its
 * input and shortcut, and gives the memory of the former back. */

/* Leave a gradient of the row's result. */
void build_leave(struct builder *b, int row, void *gradient);
/* Leave a gradient of the row's result that takes the place of the result. */
void build_leave_over(struct builder *b, int row);
/* Give the memory of a row's result back, unless that was done. */
void build_give_result(struct builder *b, int row);
/* Memory for a tensor like the row's result: over one of the row's gradients if
 * nothing else needs that, or else new. */
void *build_result_over(struct builder *b, int row);
void build_give_gradients(struct builder *b, int row);

#endif
