/*
 * What the layers' functions make the steps of a plan with (layer.h).
 *
 * A builder walks the rows: forward through `forward` or `infer`, and back
 * through `backward`. It keeps the first error; after one, its functions do
 * nothing and return NULL or something empty, so that callers only look where
 * they would follow such a pointer.
 */
#ifndef PRIMO_PLAN_BUILD_H
#define PRIMO_PLAN_BUILD_H

#include "trainer/loops/norm.h"
#include "trainer/net/layer.h"
#include "trainer/net/plan.h"

/* What a row has left for others. */
struct made {
    struct dnn_tensor result;
    float *features;     /* the result in f32, where the head reads it */
    const void *forward; /* the problem of the step that normalises, which
                            the way back needs; training only */
    int readers;         /* rows that have yet to read the result */
    /* Gradients of the result, one from each row that read it: they are to be
     * added up. */
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

/* The row that a row reads; -1 is the image. */
static inline int build_from(const struct builder *b, int row)
{
    return network_input(b->parts->network, row);
}

/* The side of the row's result, in pixels. */
static inline int build_side(const struct builder *b, int row)
{
    return network_side(b->parts->network, row, b->parts->image_size);
}

/* Memory and layouts */
void *build_take(struct builder *b, size_t size);
void build_give(struct builder *b, const void *data);
struct dnn_tensor build_tensor(struct builder *b, const struct dnn_layout *l);
/* Memory for the row's result, or for a gradient of it. */
struct dnn_tensor build_activation(struct builder *b, int row);
/* What the row reads. */
struct dnn_tensor build_input(struct builder *b, int row);
/* The row's features, in f32: bytes, and a tensor at `data`. */
size_t build_features_size(const struct builder *b, int row);
struct dnn_tensor build_features(struct builder *b, int row, float *data);

/* Steps */

/* Add the op at *op, if making it returned no error. */
void build_op(struct builder *b, int err, struct dnn_op **op);
/* Add a loop of our own, with a copy of its problem, which lives as long as the
 * plan. Returns the copy. */
const void *build_own(struct builder *b, void (*run)(const void *problem),
                      const void *problem, size_t size);
/* The row's result, pooled by oneDNN from what the row reads. */
void build_pool(struct builder *b, int row, struct dnn_pooling p);
/* relu?(norm(x) + shortcut?) of a row, in training: all of the problem but
 * where its result goes. */
struct norm build_norm(struct builder *b, int row, const void *x);

/* Evaluation: one reader less; the last one gives the result's memory back. */
void build_read_once(struct builder *b, int row);

/* The way back: a row takes the gradients of its result and leaves those of
 * what it read. They give their memory back as soon as they are used. */

void build_leave(struct builder *b, int row, void *gradient);
/* Where something of the size of the row's result may go: over one of the row's
 * own gradients, or into new memory. */
void *build_result_over(struct builder *b, int row);
void build_give_gradients(struct builder *b, int row);

#endif
