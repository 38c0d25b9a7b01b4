/*
 * The whitening of features: a linear change after which pictures of one class
 * differ from each other alike in all directions. What differs between pictures
 * of the same class, as where the text begins, tells nothing about the class;
 * after whitening it counts for less, and what hardly differs within a class
 * for more. It is the change that linear discriminant analysis makes (Fisher,
 * 1936; shrunken as by Friedman, 1989).
 *
 * The covariance within classes is estimated from few pictures, fewer than
 * there are features, so half of it is replaced by that of features that are
 * alike and independent.
 *
 * Pure functions of their arguments; they use all OpenMP threads, and give the
 * same bits with any number of them.
 */
#ifndef PRIMO_WHITENING_H
#define PRIMO_WHITENING_H

#include "core/basic/reason.h"
#include "trainer/transfer/head_fit.h"

struct whitening {
    int features;
    double *mean, *deviation; /* [features]: features are standardised first */
    float *factor; /* [features, features], lower: of the covariance */
    double size;   /* of a whitened feature, before it is divided by this */
};

#define WHITENING_INIT                                                         \
    {                                                                          \
        0                                                                      \
    }

/* Learn the whitening from samples, and write these whitened to `to`, in rows
 * of `columns`; whitened features have a mean square of 1. ENOMEM. */
int whitening_learn(struct whitening *w, const struct head_samples *s,
                    float *to, int columns, struct reason *why);
/* Write the weights [features] and the bias of a class for features as they
 * are, from `whitened`, those for whitened features with the bias behind them,
 * which is spent. */
void whitening_undo(const struct whitening *w, float *whitened, float *weight,
                    float *bias);
void whitening_release(struct whitening *w);

#endif
