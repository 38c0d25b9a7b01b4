/*
 * A training in a run directory, from its options to the exported model.
 *
 * The best weights are those with the highest average precision on the test
 * part; among equal epochs the last one, which was trained at a lower rate.
 * `patience` counts epochs in which average precision did not rise.
 *
 * A training that diverges (a loss or a prediction is not finite, or the loss
 * is absurd) is set back to its best weights, without momenta, and continues at
 * half the rate; before the first evaluation it begins again, at half the rate.
 * If it diverges a second time, it fails. This depends on nothing but the
 * position, so that a resumed training does the same.
 */
#ifndef PRIMO_TRAIN_H
#define PRIMO_TRAIN_H

#include "trainer/run/rundir.h"
#include "trainer/training/options.h"

/* Continues from run->from if there is a checkpoint. EINVAL: the checkpoint
 * belongs to another training. */
int train(struct rundir *run, struct options *o, struct reason *why);

#endif
