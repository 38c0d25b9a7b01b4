/*
 * The weights of a network: f32 masters, momenta, gradients, statistics, and if
 * wanted an average of masters and statistics over the updates.
 *
 * There is one list of weights, in torchvision's order, made from the rows of
 * network.h; export, import and initialisation walk it. Masters, momenta and
 * gradients are arenas with the same arrangement, so that the optimiser can go
 * over them without the list: first the weights that decay, then the others,
 * each in the layout in which its gradient is computed. A struct weights owns
 * its memory; the layouts belong to the struct dnn.
 */
#ifndef PRIMO_WEIGHTS_H
#define PRIMO_WEIGHTS_H

#include "core/network/network.h"
#include "trainer/basic/tensor.h"
#include "trainer/dnn/dnn.h"
#include "trainer/net/optimizer.h"

/* The copies of a weight. */
enum weight_copy {
    COPY_VALUE, /* the master, or the running statistic */
    COPY_AVERAGE,
    COPY_MOMENTUM,
    COPY_GRADIENT, /* for a statistic, its value in the batch */
};

struct weight {
    enum weight_part part;
    const struct layer *row;
    struct tensor shape;             /* name and dimensions; no data */
    const struct dnn_layout *layout; /* its layout in the arenas */
    const struct dnn_layout *plain;  /* row-major, as it is exported */
    size_t at;                       /* its offset in the arenas, in floats */
};

struct weights {
    const struct dnn *dnn; /* not owned */
    const struct network *network;
    struct weight *list;
    int count;
    float addend;               /* see struct net_options */
    float *rates;               /* [count]; NULL = all are 1 */
    int (*index)[WEIGHT_PARTS]; /* [layers]: place in the list; -1 = none */
    size_t decayed, trained;    /* floats in the arenas: that decay, in all */
    size_t statistics;          /* floats in the arenas of statistics */
    float *value;               /* [trained] */
    float *momentum, *gradient; /* [trained]; NULL without training */
    float *running;             /* [statistics] */
    float *batch;               /* [statistics]; NULL without training */
    /* The averages of value and running; NULL = none are kept. */
    float *average, *average_running;
};

/* Life cycle */

enum weights_use {
    WEIGHTS_EVALUATED, /* without momenta and gradients */
    WEIGHTS_TRAINED,
    WEIGHTS_AVERAGED, /* trained, with an average */
};

/* `kernels` has the layouts of the convolutions' masters, by row; NULL = the
 * row is none. */
int net_weights_open(struct weights *w, struct dnn *dnn,
                     const struct network *network, int classes,
                     const struct dnn_layout *const kernels[],
                     enum weights_use use, struct reason *why);
void net_weights_release(struct weights *w);

/* Read */

static inline const struct weight *weight_of(const struct weights *w, int row,
                                             enum weight_part part)
{
    return &w->list[w->index[row][part]];
}

static inline bool weight_is_statistic(const struct weight *x)
{
    return x->part == WEIGHT_MEAN || x->part == WEIGHT_VARIANCE;
}

/* A copy of a weight, in its layout; NULL = there is no such copy. */
float *weights_copy(const struct weights *w, const struct weight *x,
                    enum weight_copy copy);
size_t weights_largest(const struct weights *w); /* in floats */
/* The master of a weight, or a running statistic. */
float *weights_value(const struct weights *w, int row, enum weight_part part);
/* The value that evaluation uses: the average if there is one. */
float *weights_evaluated(const struct weights *w, int row,
                         enum weight_part part);
float *weights_gradient(const struct weights *w, int row,
                        enum weight_part part);
/* These do what net_export(), net_walk(), net_tensors(), net_check() and
 * net_export_gradients() say. */
int weights_export(const struct weights *w, bool state, struct tensor **out,
                   int *count, struct reason *why);
int weights_walk(const struct weights *w, bool state, tensor_visit *visit,
                 void *context, struct reason *why);
int weights_count(const struct weights *w, bool state);
int net_weights_check(const struct weights *w, const struct tensor *tensors,
                      int count, struct reason *why);
int weights_export_gradients(const struct weights *w, struct tensor **out,
                             int *count, struct reason *why);

/* Change */
int weights_initialise(struct weights *w, uint64_t seed, float addend,
                       struct reason *why);
/* Set the momenta to 0 and the average to the weights. */
void weights_anew(struct weights *w);
/* See net_import(). */
int weights_import(struct weights *w, const struct tensor *tensors, int count,
                   struct reason *why);
/* See net_fill(). */
int weights_fill(struct weights *w, tensor_fill *fill, void *context,
                 struct reason *why);
void weights_clear_gradients(struct weights *w);
/* See net_set_rates(). */
int weights_set_rates(struct weights *w, const float *factors,
                      struct reason *why);
/* Do one optimiser step along the gradients. */
void weights_step(struct weights *w, const struct optimizer_rule *rule);
/* Move the average towards the weights by a share of 0 to 1. */
void weights_average(struct weights *w, float share);
/* Copy the running statistics over those of the batch. */
void weights_give_statistics(const struct weights *w);
/* Update the running statistics of a row from those of the batch, which had
 * `count` elements in each channel; with 1 there is no variance, and nothing
 * changes. */
void weights_follow(struct weights *w, int row, int64_t count);

#endif
