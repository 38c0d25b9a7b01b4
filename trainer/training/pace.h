/*
 * The pace of a training: what its updates and evaluations take, what the
 * figures since the last row of metrics are, how long it will still be.
 * The figures that a resumed training needs live in its position.
 */
#ifndef PRIMO_PACE_H
#define PRIMO_PACE_H

#include "core/shared/progress.h"
#include "trainer/files/checkpoint.h"
#include "trainer/training/recipe.h"

struct pace {
    uint64_t measured;         /* updates timed by this process */
    double checkpoint_seconds; /* what the last one took, NAN = none yet */
    double loss, speed;        /* last known: mean loss, pictures/s */
};

/* Life cycle */
void pace_init(struct pace *p);

/* Read */

/* The row as it stands; `p` keeps its figures for the progress. */
void pace_row(struct pace *p, const struct recipe *r, const struct position *at,
              struct metrics_row *row);
void pace_progress(const struct pace *p, const struct recipe *r,
                   const struct position *at, struct progress *out);
/* Seconds to the end, NAN before a few updates are timed. */
double pace_left(const struct pace *p, const struct recipe *r,
                 const struct position *at);

/* Change */

/* An update of n pictures was made in so many seconds. */
void pace_update(struct pace *p, struct position *at, double seconds, int n,
                 double loss);
void pace_evaluation(struct position *at, double seconds);
/* Begin a new row. */
void pace_row_clear(struct position *at);

#endif
