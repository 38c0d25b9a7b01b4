/*
 * The statistics of normalisation of a data set, measured batch by batch, and
 * their blend with those that a base brings.
 *
 * A struct statistics owns its memory and belongs to one struct weights, whose
 * running statistics it changes. For the thread that uses the network.
 */
#ifndef PRIMO_STATISTICS_H
#define PRIMO_STATISTICS_H

#include "trainer/net/weights.h"

struct statistics {
    float *base;  /* [statistics]: the running ones when measuring began */
    double *sum;  /* [statistics]: of means and mean squares of batches */
    double count; /* pictures measured */
};

/* Life cycle */
int statistics_begin(struct statistics *s, const struct weights *w,
                     struct reason *why);
void statistics_release(struct statistics *s);

/* Change */

/* Add those of a batch of n pictures, which has been taken forward. */
void statistics_add(struct statistics *s, const struct weights *w, int n);
/* Make the running statistics of w those of a mixture that comes with so large
 * a share (0 to 1) from the measured pictures and else from the base's. */
void statistics_blend(const struct statistics *s, struct weights *w,
                      double share);

#endif
