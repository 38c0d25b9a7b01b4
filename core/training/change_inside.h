/*
 * One durable change of a process, for the files of core/training that make
 * such changes: change_begin(), then change_end(), which commits it or undoes
 * it. Between them the caller holds primo->change.
 */
#ifndef PRIMO_CHANGE_INSIDE_H
#define PRIMO_CHANGE_INSIDE_H

#include "core/process/process.h"
#include "core/state/primo.h"

struct change {
    struct primo *primo;
    struct store_txn *txn;
    struct process p;
};

/* Change */

int change_begin(struct change *c, struct primo *primo, uint64_t id,
                 struct reason *why);
/* Save and commit when err is 0, undo the change otherwise; returns err, or
 * what went wrong then. */
int change_end(struct change *c, int err, struct reason *why);
int change_event(struct change *c, const struct caller *caller,
                 const char *what, struct reason *why);
/* Remove the growing texts and the blobs of the process's last run. A note in
 * the same transaction lets a later sweep delete the run directory, even after
 * a crash (core/store/garbage.h). */
int run_texts_drop(struct store_txn *txn, const struct process *p,
                   struct reason *why);
/* EBUSY: it is disabled. */
int process_check_enabled(const struct process *p, struct reason *why);

#endif
