/*
 * The fitting of a head: multinomial logistic regression on the features that a
 * network computes. It is a convex problem, so that its solution depends on
 * nothing but the data: no learning rate, no order of batches. The features
 * are whitened first (whitening.h), so that it does not depend on their scale
 * either, which with a base of another program may be anything.
 *
 * Pure functions of their arguments; they use all OpenMP threads, and give the
 * same bits with any number of them.
 */
#ifndef PRIMO_HEAD_FIT_H
#define PRIMO_HEAD_FIT_H

#include "core/basic/reason.h"

struct head_samples {
    int count, features, classes;
    const float *x;             /* [count, features] */
    const int *labels;          /* [count] */
    const float *class_weights; /* [classes]; NULL = all are 1 */
};

/* Fit a head: it minimises the mean cross-entropy, with labels smoothed by
 * `smoothing` (loss.h), plus ridge / 2 times the sum of the squared weights
 * of whitened features. Writes weight [classes, features] and bias
 * [classes], for the features as they are. ENOMEM. */
int head_fit(const struct head_samples *s, double ridge, float smoothing,
             float *weight, float *bias, struct reason *why);

/* Estimate how well heads would do on pictures that they were not fitted to,
 * for each of some ridges: the samples are split in `folds` parts (2..), each
 * class alike; heads that are fitted to all parts but one judge that one.
 * losses[i], of ridges[i], is the mean cross-entropy of all samples, in nats,
 * where every class counts the same. ENOMEM. */
int head_validate(const struct head_samples *s, const double *ridges,
                  int ridge_count, int folds, double *losses,
                  struct reason *why);

#endif
