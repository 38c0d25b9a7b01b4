/*
 * The evaluation of a training's present weights on the test part, and what
 * follows from it: they become the weights to publish, unless they are worse
 * than earlier ones (choice.h).
 */
#ifndef PRIMO_TRAINING_EVALUATION_H
#define PRIMO_TRAINING_EVALUATION_H

#include "trainer/training/epochs.h"

/* Predict the test part with the present weights, into t->scores and
 * t->answers. */
int training_predict(struct training *t, struct reason *why);
/* Evaluate, complete the epoch (unless no update was made yet) and report it.
 * *lost: the predictions are not finite, and nothing was done. */
int training_evaluate(struct training *t, bool *lost, struct reason *why);

#endif
