/*
 * One part of a dataset (training or test) inside the loader: its readable
 * pictures, their order in an epoch, and a ring of batches in preparation.
 * Nothing is locked here; loader.c says which thread may touch what.
 */
#ifndef PRIMO_LOADER_PART_H
#define PRIMO_LOADER_PART_H

#include "trainer/data/loader_scan.h"

/* While one batch is lent to the caller, two are in preparation. */
enum { RING = 3 };

/* A readable picture. */
struct entry {
    const struct sample *sample;
    const uint8_t *pixels; /* [side, side, 3], NULL = decode it each time */
    int index;             /* its place among those of this part */
};

struct batch {
    bool live, training;
    int epoch, step, count;
    int first, total; /* as in struct loader_batch */
    bool spare;
    const struct entry **entries; /* [batch] */
    float *images;                /* [batch, 3, side, side] */
    int *labels;                  /* [batch] */
    int taken, done;              /* pictures; done <= taken <= count */
    int err;                      /* from the first picture that failed */
    struct reason why;
};

struct part {
    struct entry *entries; /* in the order of the dataset */
    int count;
    int used;        /* in an epoch */
    int size, steps; /* the most pictures of a batch, batches in an epoch */
    bool training;   /* shuffled and augmented */
    int nodes, node; /* as in struct loader_options */
    uint64_t seed;
    int *order;                /* [count], the order in order_epoch */
    int order_epoch;           /* -1 = none yet */
    int next_epoch, next_step; /* the batch that follows those in the ring */
    struct batch ring[RING];
    struct batch *lent; /* one of the ring; NULL = none is */
};

/* Life cycle */

/* ENOMEM; part_release() must be called even then. */
int part_init(struct part *part, const struct scan *scan,
              const struct loader_options *options, bool training,
              struct reason *why);
void part_release(struct part *part);

/* Read */

/* The batch in the ring, or NULL. */
struct batch *part_find(struct part *part, int epoch, int step);

/* Change */

/* Set which batch part_next() puts next. */
void part_seek(struct part *part, int epoch, int step);
/* Put the part's next batch into b; no picture of it is taken yet. */
void part_next(struct part *part, struct batch *b);
/* Take back the batch that is lent, and put the part's next one in its place.
 */
void part_take_back(struct part *part);

#endif
