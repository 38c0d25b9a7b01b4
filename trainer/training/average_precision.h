/*
 * How good the answers on a test part are. Pure functions; any thread, and
 * average_precision() uses OpenMP over the classes (the sum does not depend on
 * the number of threads).
 */
#ifndef PRIMO_AVERAGE_PRECISION_H
#define PRIMO_AVERAGE_PRECISION_H

#include "core/basic/reason.h"

/* One-vs-rest average precision, mean over the classes that have a picture:
 * for each class the pictures are ranked by its score, and the precision at
 * each distinct score is summed, weighted by the gain in recall, as
 * scikit-learn's average_precision_score does (pictures of equal score count
 * together, no interpolation). scores [n, classes], labels [n] from 0 to
 * classes - 1; a NAN score ranks last. *out is 0 to 1, NAN when n is 0.
 * ENOMEM; EINVAL for a label out of range. */
int average_precision(const float *scores, const int *labels, int n,
                      int classes, double *out, struct reason *why);

/* The part of pictures whose label has the highest score (the first one of
 * equals); NAN when n is 0. */
double accuracy(const float *scores, const int *labels, int n, int classes);

#endif
