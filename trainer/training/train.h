/*
 * A training from its options to its exported model, in a run directory.
 *
 * The best weights are those of the highest average precision on the test
 * part; of equal epochs the later one, which was trained at a lower rate.
 * Patience counts epochs in which average precision did not rise.
 *
 * A training that diverges (a loss or an answer that is not finite) is set
 * back to its best weights, without momenta, at half the rate; before the
 * first evaluation it begins anew, at half the rate. A second time it fails.
 * As that depends on nothing but the position, a resumed training does the
 * same.
 */
#ifndef PRIMO_TRAIN_H
#define PRIMO_TRAIN_H

#include "trainer/run/rundir.h"
#include "trainer/training/options.h"

/* Continues from run->from when there is a checkpoint. Everything that goes
 * wrong has a reason; EINVAL when the checkpoint is of another training. */
int train(struct rundir *run, struct options *o, struct reason *why);

#endif
