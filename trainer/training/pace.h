/*
 * The pace of a training: how long its updates and evaluations take, the
 * figures since the last metrics row, and the time left. Figures that a resumed
 * training needs are in its position, which checkpoints hold.
 */
#ifndef PRIMO_PACE_H
#define PRIMO_PACE_H

#include "core/report/progress.h"
#include "trainer/files/checkpoint.h"
#include "trainer/training/recipe.h"

struct pace {
    uint64_t measured;         /* updates timed by this process */
    double checkpoint_seconds; /* how long the last one took, NAN = none yet */
    double loss, speed;        /* mean loss and pictures/s in the last row */
};

/* Life cycle */
void pace_init(struct pace *p);

/* Read */

/* The metrics row up to now. `p` keeps its figures for the progress. */
void pace_row(struct pace *p, const struct recipe *r, const struct position *at,
              struct metrics_row *row);
void pace_progress(const struct pace *p, const struct recipe *r,
                   const struct position *at, struct progress *out);
/* Seconds to the end; NAN until a few updates have been timed. */
double pace_left(const struct pace *p, const struct recipe *r,
                 const struct position *at);

/* How many updates the training would have if they, and their evaluations,
 * filled the time that is left, in seconds; 0 until a few have been timed. */
uint64_t pace_fit(const struct pace *p, const struct recipe *r,
                  const struct position *at, double left);

/* Change */

/* Record that an update with n pictures took so many seconds. */
void pace_update(struct pace *p, struct position *at, double seconds, int n,
                 double loss);
void pace_evaluation(struct position *at, double seconds);
/* Begin a new metrics row. */
void pace_row_clear(struct position *at);

#endif
