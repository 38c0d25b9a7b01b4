/*
 * Sweeping models/ and bases/ of the state directory: what nobody names is
 * deleted where it was given up (core/store/garbage.h), and moved to lost/
 * otherwise. Only an answer of the store's counts: where it cannot be asked,
 * nothing is swept, and that is told. Main thread, with nothing open.
 */
#ifndef PRIMO_SWEEP_H
#define PRIMO_SWEEP_H

#include "core/state/primo.h"

/* What becomes of something that was found; or -errno: not to be told now. */
enum sweep { SWEEP_KEEP, SWEEP_DELETE, SWEEP_LOSE };

/* Of a run directory, and of what else is kept for a run. */
typedef int run_fate(struct store_txn *txn, uint64_t run);
/* Of a name in a folder. */
typedef int sweep_fate(struct store_txn *txn, const char *name,
                       run_fate *of_run);

/* Of what is known not to be named. */
int sweep_unnamed(struct store_txn *txn, const char *folder, uint64_t id);
/* All names of a folder, with `dir` its descriptor. */
void sweep_folder(struct primo *primo, int dir, const char *folder,
                  sweep_fate *fate, run_fate *of_run);

#endif
