/*
 * Inside of plans: what the files that make their steps share. A builder
 * keeps the first error; after one, its functions do nothing.
 */
#ifndef PRIMO_PLAN_BUILD_H
#define PRIMO_PLAN_BUILD_H

#include "trainer/net/plan.h"

enum { STEPS_MAX = NETWORK_LAYERS_MAX * 8 }; /* more than the rows can need */

struct builder {
    const struct plan_parts *parts;
    struct plan *plan;
    struct dnn_tensor image;
    struct made {
        struct dnn_tensor result;
        float *features;            /* a mean pooling's result in f32 */
        const struct step *forward; /* with the normalisation, in training */
        int readers;                /* rows that have yet to read the result */
        /* gradients of the result, as many as came back: to be added up */
        void *gradient[2];
        int gradients;
    } made[NETWORK_LAYERS_MAX];
    int rc;
    struct reason *why;
};

static inline const struct layer *build_layer(const struct builder *b, int row)
{
    return &b->parts->network->layer[row];
}

/* Of the row's result, in pixels. */
static inline int build_side(const struct builder *b, int row)
{
    return network_side(b->parts->network, row, b->parts->image_size);
}

/* The row's convolution. */
static inline struct dnn_conv build_conv(const struct builder *b, int row)
{
    const struct layer *l = build_layer(b, row);
    return kernel_shape(l, b->plan->n, build_side(b, l->input));
}

/* Memory and layouts; NULL or empty after an error. */
void *build_take(struct builder *b, size_t size);
void build_give(struct builder *b, const void *data);
struct dnn_tensor build_tensor(struct builder *b, const struct dnn_layout *l);
struct dnn_tensor build_activation(struct builder *b, int row);
struct dnn_tensor build_input(struct builder *b, int row);
/* What the head reads, in f32. */
size_t build_features_size(const struct builder *b, int row);
struct dnn_tensor build_features(struct builder *b, int row, float *data);

/* Steps */
struct step *build_step(struct builder *b); /* never NULL */
/* Keep the op at *op, which was made with return code rc. */
void build_op(struct builder *b, int rc, struct dnn_op **op);

/* The convolution c by winograd.h. */
void build_winograd(struct builder *b, const struct dnn_conv *c,
                    struct winograd w);

struct dnn_pooling build_pooling(const struct builder *b, int row);

/* Of training */
/* The row's kernel in a layout, or in winograd.h's form, until the next one is
 * asked for. */
struct dnn_tensor build_kernel(struct builder *b, int row,
                               const struct dnn_layout *layout);
const uint16_t *build_winograd_kernel(struct builder *b, int row, bool back);
bool build_by_winograd(const struct builder *b, int row);
/* The row whose maximum pooling is the only reader of this one, or -1: then
 * the pooling's steps do what is left to do of both. */
int build_pooling_of(const struct builder *b, int row);

/* The rows' steps */
void build_training(struct builder *b); /* sets plan->middle */
void build_back(struct builder *b);     /* what is behind it */
void build_inference(struct builder *b);

#endif
