/*
 * The weights of the network: f32 masters, momenta, gradients, statistics, and
 * where wanted an average of masters and statistics over the updates.
 *
 * One list, in torchvision's order, made from the rows of network.h; export,
 * import, initialisation and the optimiser walk it. Masters, momenta and
 * gradients are arenas of the same shape, each weight in the layout in which
 * its gradient is computed, those that decay first. Owns its memory; the
 * layouts belong to the struct dnn.
 */
#ifndef PRIMO_WEIGHTS_H
#define PRIMO_WEIGHTS_H

#include "core/shared/network.h"
#include "trainer/basic/tensor.h"
#include "trainer/dnn/dnn.h"
#include "trainer/net/optimizer.h"

/* The copies that there are of a weight. */
enum weight_copy {
    COPY_VALUE, /* the master, or the running statistic */
    COPY_AVERAGE,
    COPY_MOMENTUM,
    COPY_GRADIENT, /* for a statistic, the batch's */
};

struct weight {
    enum weight_part part;
    const struct layer *row;
    struct tensor shape;             /* name and dimensions; no data */
    const struct dnn_layout *layout; /* in the arenas */
    const struct dnn_layout *plain;  /* as exported */
    size_t at;                       /* in its arenas, in floats */
};

struct weights {
    const struct dnn *dnn; /* not owned */
    const struct network *network;
    struct weight *list;
    int count;
    float addend;               /* the first scale of what a block adds last */
    int (*index)[WEIGHT_PARTS]; /* [layers]: place in list; -1 = none */
    size_t decayed, trained;    /* floats in the arenas */
    size_t statistics;
    float *value;               /* [trained] */
    float *momentum, *gradient; /* [trained]; NULL without training */
    float *running, *batch;     /* [statistics]; batch: NULL likewise */
    /* The averages of value and running; NULL = none are kept. */
    float *average, *average_running;
};

/* Life cycle */

enum weights_use {
    WEIGHTS_EVALUATED, /* no momenta, no gradients */
    WEIGHTS_TRAINED,
    WEIGHTS_AVERAGED, /* trained, with an average */
};

/* `kernels` are the layouts of the convolutions' masters by row. */
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

/* In its layout; NULL where there is none. */
float *weights_copy(const struct weights *w, const struct weight *x,
                    enum weight_copy copy);
size_t weights_largest(const struct weights *w); /* in floats */
/* Running statistics or masters. */
float *weights_value(const struct weights *w, int row, enum weight_part part);
/* The same as they are evaluated: from the average, where there is one. */
float *weights_evaluated(const struct weights *w, int row,
                         enum weight_part part);
float *weights_gradient(const struct weights *w, int row,
                        enum weight_part part);
/* As net_export(), net_walk() and net_export_gradients(). */
int weights_export(const struct weights *w, bool state, struct tensor **out,
                   int *count, struct reason *why);
int weights_walk(const struct weights *w, bool state, tensor_visit *visit,
                 void *context, struct reason *why);
int weights_count(const struct weights *w, bool state); /* of the walk */
int weights_export_gradients(const struct weights *w, struct tensor **out,
                             int *count, struct reason *why);

/* Change */
int weights_initialise(struct weights *w, uint64_t seed, float addend,
                       struct reason *why);
/* Nothing has moved yet: momenta are 0, the average is the weights. */
void weights_anew(struct weights *w);
/* As net_import(). */
int weights_import(struct weights *w, const struct tensor *tensors, int count,
                   struct reason *why);
/* As net_fill(). */
int weights_fill(struct weights *w, tensor_fill *fill, void *context,
                 struct reason *why);
void weights_clear_gradients(struct weights *w);
/* One step along the gradients. */
void weights_step(struct weights *w, const struct optimizer_rule *rule);
/* The same for the head alone, along other gradients: of its weight, then of
 * its bias, both plain. */
void weights_step_head(struct weights *w, const struct optimizer_rule *rule,
                       const float *gradient);
/* The average takes in a share, 0 to 1, of the weights as they are. */
void weights_average(struct weights *w, float share);
void weights_average_head(struct weights *w, float share);
/* The running statistics take the place of the batch's. */
void weights_give_statistics(const struct weights *w);
/* The running statistics of a row follow the batch's, of `count` elements a
 * channel (1: no variance, no change). */
void weights_follow(struct weights *w, int row, int64_t count);

#endif
