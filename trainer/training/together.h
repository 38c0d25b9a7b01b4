/*
 * A training by several nodes (trainer/nodes/nodes.h): each computes a part of
 * each batch, and all come to the same weights, bit for bit.
 *
 * What decides is the same on all of them: the settings and the checkpoint that
 * rank 0 has, its adaptation of the base, the sum of the gradients, the loss of
 * the whole batch, the scores of all test pictures, and how many updates rank 0
 * plans. So they evaluate, are set back and end together, without a word about
 * it. Batches are normalised by the statistics of the whole (loops/norm.h).
 *
 * Gradients are summed while further ones are computed: those of the last rows
 * come first, are the most, and travel while the rows with the largest pictures
 * are computed. They travel as bf16, which halves what is sent, unless the
 * template asks for `precision = f32`: what decides must not be a clock, or
 * else the model would depend on it. Rounding to bf16 errs by up to 1/512 of a
 * gradient, far less than one batch differs from another.
 *
 * All this does nothing where the trainer is alone.
 */
#ifndef PRIMO_TOGETHER_H
#define PRIMO_TOGETHER_H

#include "trainer/training/epochs.h"

/* Prepare to have parts of batches, once the network is known. */
int together_open(struct training *t, struct reason *why);
/* Say who trains. */
void together_tell(const struct training *t);
/* Before the first update: time how long a batch takes a host alone. */
int together_begin(struct training *t, struct reason *why);
/* After each update, which took so many seconds: once enough were timed, say
 * how much faster the hosts are than one. Where one is faster, the next update
 * is the last one that they make together, unless the environment has
 * PRIMOFS_STAY_TOGETHER: the model then depends on what was timed. */
void together_time(struct training *t, double seconds);
/* After each update: part if rank 0 has said so. It goes on with whole batches,
 * and its checkpoints keep that; for the others the training is over, and
 * t->parted is set. */
void together_part(struct training *t);
/* Part before anything else where the checkpoint says so. Returns whether this
 * trainer has nothing to do. */
bool together_parted(const struct rundir *run);
/* Give all nodes the weights of rank 0. */
int together_state(struct training *t, struct reason *why);
/* Compute the gradients of a batch of which this node has a part. Afterwards
 * t->wish is that of rank 0. */
int together_gradients(struct training *t, const struct loader_batch *b,
                       struct reason *why);
/* Complete t->scores, of which each node has a part and 0 elsewhere. */
void together_scores(struct training *t);
/* Compare what the nodes train, and their weights. EINVAL: they differ; of
 * rank 0 alone, and the others end with it. */
int together_check(struct training *t, struct reason *why);

#endif
