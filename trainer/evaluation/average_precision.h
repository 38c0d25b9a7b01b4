/*
 * How good the predictions on a test part are. Pure functions; any thread.
 * average_precision() uses OpenMP over the classes; the result does not depend
 * on the number of threads.
 */
#ifndef PRIMO_AVERAGE_PRECISION_H
#define PRIMO_AVERAGE_PRECISION_H

#include "core/basic/reason.h"

/* The one-vs-rest average precision, as a mean over the classes that have
 * pictures. For each class the pictures are ranked by their score for it, and
 * the precision at each distinct score is summed, weighted by the gain in
 * recall. This is what scikit-learn's average_precision_score does: pictures of
 * equal score count together, and nothing is interpolated. scores [n, classes],
 * labels [n] from 0 to classes - 1; a NAN score ranks last. *out is 0 to 1, or
 * NAN when n is 0. ENOMEM; EINVAL: a label is out of range. */
int average_precision(const float *scores, const int *labels, int n,
                      int classes, double *out, struct reason *why);
/* The same of every class, each [classes]; NAN = it has no pictures. */
int average_precisions(const float *scores, const int *labels, int n,
                       int classes, double *each, struct reason *why);

/* The fraction of pictures whose label has the highest score; among equal
 * scores the first one counts. NAN when n is 0. */
double accuracy(const float *scores, const int *labels, int n, int classes);

#endif
