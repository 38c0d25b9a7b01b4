/*
 * Copying a data set to another host before a training, for a machine with
 * copy_dataset = yes: rsync reads it here, with the rights of the user whose
 * training it is, and speaks to one there over a connection of its own, which
 * is made as that of the link is. So what is there already is not sent again,
 * and what was cut goes on.
 *
 * A copy is DIRECTORY/datasets/ID/DIGITS there, ID is the state directory's,
 * and DIGITS are a sum of the path and of who reads it: it is brought up to
 * date, and no other user's. When it is removed: trainer/far/copies.h.
 *
 * Used by the thread that deals with the run, except for dataset_said().
 */
#ifndef PRIMO_FAR_DATASET_H
#define PRIMO_FAR_DATASET_H

#include "core/far/link.h"

struct copying; /* one that is being made; its place is in struct link_run */

/* Copy the data set of a job that is about to be started, if its machine wants
 * that. 0: all is there now, and *path, which was empty, is where; it stays
 * empty where nothing is copied. EINPROGRESS: call again soon. A connection
 * that is lost on the way is made again, for ten minutes. Else the sentence has
 * the host, what rsync said and what can be tried by hand. */
int dataset_copy(const struct launch_target *target, uint64_t run,
                 const struct run_job *job, struct text *path,
                 struct reason *why);
/* Nobody wants it any more. What has come stays there. */
void dataset_copy_end(struct link *l, uint64_t run);
void copying_free(struct copying *c); /* NULL is fine */

/* Append, for people, how far it is. Appends nothing where none is made. Never
 * waits; any thread. */
void dataset_said(struct link *l, uint64_t run, struct text *out);

#endif
