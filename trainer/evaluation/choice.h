/*
 * The choice of the weights that are published, where the test part is small.
 * The last ones are the best, as a rule: their learning rate has fallen to
 * zero. With a few dozen test pictures the highest average precision of many
 * epochs is mostly luck, and tells little about pictures to come. So the latest
 * weights are taken, unless the test part says, beyond chance, that earlier
 * ones are better: those of a base that training has spoiled, say.
 *
 * What is compared is the probability that the network gives to the true class
 * of each test picture, picture by picture: two evaluations see the same
 * pictures, so that the differences are much less noisy than the means.
 *
 * Pure functions of their arguments.
 */
#ifndef PRIMO_CHOICE_H
#define PRIMO_CHOICE_H

#include <stdbool.h>

/* Write the probabilities [n] of the true classes, out of scores [n, classes]
 * and labels [n]. */
void choice_truths(const float *scores, const int *labels, int n, int classes,
                   float *truths);
/* The mean over n (1..) pictures. */
double choice_mean(const float *truths, int n);
/* Whether pictures get less of their truth `now` than in `record`, by more than
 * the differences of n pictures would have by chance. */
bool choice_is_worse(const float *now, const float *record, int n);

#endif
