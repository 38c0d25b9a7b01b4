/*
 * Sweeping models/ and bases/ of the state directory: what nobody names is
 * deleted where it was given up (core/store/garbage.h), and moved to lost/
 * otherwise. Only an answer of the store's counts: where it cannot be asked,
 * nothing is swept, and that is told. Main thread, with nothing open.
 */
#ifndef PRIMO_SWEEP_H
#define PRIMO_SWEEP_H

#include "core/state/primo.h"

/* What is to be done with something that was found. Functions return -errno
 * where that cannot be told now. */
enum sweep { SWEEP_KEEP, SWEEP_DELETE, SWEEP_LOSE };

/* Decides about a run directory, and about what else is kept for a run. */
typedef int run_fate(struct store_txn *txn, uint64_t run);
/* Decides about a name in a folder. */
typedef int sweep_fate(struct store_txn *txn, const char *name,
                       run_fate *of_run);

/* Decide about a body that no object names: it is deleted where it was given
 * up, and otherwise moved to lost/. */
int sweep_unnamed(struct store_txn *txn, const char *folder, uint64_t id);
/* Sweep all names of a folder. `dir` is its descriptor. */
void sweep_folder(struct primo *primo, int dir, const char *folder,
                  sweep_fate *fate, run_fate *of_run);

#endif
