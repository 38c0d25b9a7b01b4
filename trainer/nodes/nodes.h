/*
 * The nodes that train one model together, from a trainer's side. The trainer
 * of each node computes a part of each batch and comes to the same weights as
 * the others; that of rank 0 has the run directory, decides, and tells people.
 *
 * This knows nothing of MPI: a program beside the trainer, primo-nodes, carries
 * what is said (protocol.h). So a trainer is confined as it always is, a host
 * needs no MPI to train alone, and the MPI of a host need not fit the libraries
 * that a trainer was copied with.
 *
 * NULL stands for a trainer that is alone: it is rank 0 of 1, and all below
 * does nothing. The functions under Change are for the main thread, which
 * sleeps while it waits. They must be called by all ranks in the same order and
 * with the same sizes. Where the nodes cannot go on together they do not
 * return: the control thread (run/control.h) sees that too, and ends the
 * process.
 */
#ifndef PRIMO_NODES_H
#define PRIMO_NODES_H

#include "core/basic/reason.h"
#include "core/basic/text.h"
#include "trainer/nodes/protocol.h"

#include <stdbool.h>
#include <stddef.h>

struct nodes;

/* Life cycle */

/* *out is NULL where the environment names no nodes. EINVAL: what it names is
 * none. */
int nodes_open(struct nodes **out, struct reason *why);
void nodes_free(struct nodes *n);

/* Read */
int nodes_rank(const struct nodes *n);
int nodes_count(const struct nodes *n); /* 1 after nodes_part() */
/* Whether this is the trainer that has the run directory. */
bool nodes_lead(const struct nodes *n);
const char *nodes_name(const struct nodes *n, int rank); /* of its host */

/* Whether the nodes cannot go on together. Any thread. */
bool nodes_lost(const struct nodes *n);
/* Append why, a sentence for people. Returns whether it is a fault of the
 * training, which would come again. Any thread, once they are lost. */
bool nodes_loss(const struct nodes *n, struct text *out);

/* Seconds that the main thread has waited for other nodes and the network. */
double nodes_waited(const struct nodes *n);

/* Change */

/* Replace values [count] by the sum of factor * values of all ranks, which is
 * added up in the order of the ranks. */
void nodes_sum(struct nodes *n, float *values, size_t count, float factor);
/* The same, while the caller goes on: the values must be neither read nor
 * changed before nodes_sum_end(). With `bf16` they travel as such, which halves
 * what is sent, and the sum is rounded to bf16, too. Waits only where too much
 * is under way. */
void nodes_sum_begin(struct nodes *n, float *values, size_t count, float factor,
                     bool bf16);
/* Complete all sums that were begun. */
void nodes_sum_end(struct nodes *n);
/* Replace data by that of rank 0. */
void nodes_share(struct nodes *n, void *data, size_t size);
/* Write the `size` bytes of each rank, at most 512 KiB, to all [count][size].
 * One that is alone gets its own. */
void nodes_gather(struct nodes *n, const void *mine, size_t size, void *all);
/* From now on rank 0 is alone, and the others are not heard any more: their
 * trainers should end. Whatever happens to their hosts then harms nothing. */
void nodes_part(struct nodes *n);
/* Tell the others that this trainer will end now, and why. */
void nodes_fail(struct nodes *n, const char *sentence);
/* Wait until the control thread ends the process. */
void nodes_rest(void) __attribute__((noreturn));

#endif
