/*
 * Garbage: bodies in models/, bases/ and runs/ that a transaction has ceased to
 * name. It notes them, so that whoever sweeps tells what was given up, and may
 * be deleted, from what is there for a reason that nobody knows.
 */
#ifndef PRIMO_GARBAGE_H
#define PRIMO_GARBAGE_H

#include "core/basic/text.h"
#include "core/store/store.h"

#define GARBAGE_MODELS "models" /* an id of a version */
#define GARBAGE_BASES  "bases"  /* of a base's body */
#define GARBAGE_RUNS   "runs"   /* of a run */

/* Read; 1 = noted, 0 = not, or -errno without a sentence */
int garbage_noted(struct store_txn *txn, const char *folder, uint64_t id);

/* Change */

/* Forgets its checksums (below), too. */
int garbage_note(struct store_txn *txn, const char *folder, uint64_t id,
                 struct reason *why);
/* Forget one that is deleted, or all of a folder that was swept. */
int garbage_forget(struct store_txn *txn, const char *folder, uint64_t id,
                   struct reason *why);
int garbage_forget_all(struct store_txn *txn, const char *folder,
                       struct reason *why);
/* Checksums of bodies, as core/models/body_sums.h writes them, by the body's
 * id. Append them to *out; -ENOENT where there are none. */
int sums_get(struct store_txn *txn, uint64_t id, struct text *out);
int sums_put(struct store_txn *txn, uint64_t id, const struct text *sums,
             struct reason *why);

#endif
