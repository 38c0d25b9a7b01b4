/*
 * A checkpoint: all that a training needs to go on as if it had never been
 * interrupted, in one file that appears whole or not at all.
 *
 * The file (little-endian) is the magic "PRIMOCP1", the size u64 of a text and
 * the text (lines `key=value`: the numbers below, then an empty line, then the
 * identity, and perhaps an empty line and the rows), three lists of tensors
 * (count u32; each name[64], rank u32, dim i64[4], f32 data) and a crc32 u32 of
 * all before it.
 *
 * Not for concurrent use of one struct.
 */
#ifndef PRIMO_CHECKPOINT_H
#define PRIMO_CHECKPOINT_H

#include "core/basic/reason.h"
#include "core/basic/text.h"
#include "trainer/basic/tensor.h"

struct tensor_list {
    struct tensor *tensors; /* as net_export() makes them; NULL = none */
    int count;
};

/* How far a training has come. Plain values; NAN = not known. */
struct position {
    uint64_t epoch;     /* completed epochs, including their evaluation */
    uint64_t step;      /* updates made in this epoch */
    uint64_t iteration; /* updates made */
    uint64_t retries;   /* how often it has diverged and was set back */
    double
        rate_scale; /* factor of the learning rate, which each retry halves */
    double seconds; /* how long the training has taken so far */
    /* since the last row of metrics */
    double row_loss, row_updates, row_images, row_seconds;
    /* the last evaluation, and the best one */
    double average_precision, accuracy;
    double best_average_precision,
        best_accuracy;   /* of the weights to publish */
    uint64_t best_epoch; /* epochs that were completed then, 0 = none */
    double highest;      /* average precision of all evaluations */
    uint64_t stale;      /* epochs since average precision last rose */
    double update_seconds, evaluation_seconds; /* measured, for the time left */
    uint64_t planned;       /* updates, as fitted to time_limit; 0 = not yet */
    double features_square; /* see struct adaptation; 0 = not adapted */
    uint64_t strange;       /* enum acquaintance of adapt.h */
    uint64_t alone; /* the update from which one of several hosts went on alone;
                       0 = none has */
};

struct checkpoint {
    struct position at;
    struct text identity; /* what the result depends on, `key=value` lines */
    struct text rows; /* the rows of metrics.csv so far, as they were told */
    struct tensor_list state;  /* weights, running statistics, momenta */
    struct tensor_list best;   /* weights to publish, empty = none */
    struct tensor_list record; /* what they were chosen by, empty = nothing */
};

/* Life cycle */
#define CHECKPOINT_INIT                                                        \
    {                                                                          \
        .at = POSITION_INIT                                                    \
    }
#define POSITION_INIT                                                          \
    {                                                                          \
        .rate_scale = 1, .average_precision = __builtin_nan(""),               \
        .accuracy = __builtin_nan(""),                                         \
        .best_average_precision = __builtin_nan(""),                           \
        .best_accuracy = __builtin_nan(""), .highest = __builtin_nan(""),      \
        .update_seconds = __builtin_nan(""),                                   \
        .evaluation_seconds = __builtin_nan("")                                \
    }
void checkpoint_release(
    struct checkpoint *c); /* afterwards it is as checkpoint_init() makes it */
void tensor_list_release(struct tensor_list *l);
void position_init(struct position *p);
/* Make a list of one tensor of `count` zeros. ENOMEM. */
int tensor_list_make(struct tensor_list *l, const char *name, int count,
                     struct reason *why);

/* Read */

/* Read a checkpoint. ENOENT where there is none, EINVAL where it is damaged;
 * EIO, ENOMEM and others where it may be possible to read it another time. *c
 * must be initialised, and is left as it is on failure. */
int checkpoint_read(struct checkpoint *c, const char *path, struct reason *why);
/* Compare the checkpoint's identity with another one. EINVAL, with the first
 * line that differs. */
int checkpoint_match(const struct checkpoint *c, const char *identity,
                     struct reason *why);

/* Change */

/* Tensors that are made only when they are written, as net_walk() does. */
struct tensor_source {
    int count;
    int (*walk)(void *context, tensor_visit *visit, void *to,
                struct reason *why);
    void *context;
};

struct tensor_source tensor_list_source(struct tensor_list *l);
/* Write a checkpoint. The state comes from the source; c->state is not used. */
int checkpoint_write(const struct checkpoint *c,
                     const struct tensor_source *state, const char *path,
                     struct reason *why);

#endif
