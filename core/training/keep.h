/*
 * Which versions of a model are kept: the key `keep` of the template with which
 * a run was started says so for all versions of its template. Any thread, not
 * within a transaction.
 */
#ifndef PRIMO_KEEP_H
#define PRIMO_KEEP_H

#include "core/state/primo.h"

/* Read */

/* How many a run keeps; 0 = all. */
uint64_t keep_of_run(struct primo *primo, uint64_t run);

/* Change */

/* Remove all versions of the template's model but the newest `keep` and those
 * that a service answers with, or that a service or a template names by their
 * numbers. It is the wish of whoever has written `keep`, and done with his
 * right to delete models. `events` says so, or that he does not have it. What
 * cannot be removed now is, when the next version appears. */
void keep_newest(struct primo *primo, const char *template, uint64_t keep,
                 uid_t writer);

#endif
