/*
 * Garbage: bodies in models/, bases/ and runs/ that a transaction has ceased to
 * name. It notes them, so that whoever sweeps tells what was given up, and may
 * be deleted, from what is there for a reason that nobody knows.
 */
#ifndef PRIMO_GARBAGE_H
#define PRIMO_GARBAGE_H

#include "core/basic/text.h"
#include "core/store/store.h"

#define GARBAGE_MODELS "models" /* the ids are those of versions */
#define GARBAGE_BASES  "bases"  /* the ids are those of bodies of bases */
#define GARBAGE_RUNS   "runs"   /* the ids are those of runs */

/* Read; 1 = noted, 0 = not, or -errno without a sentence */
int garbage_noted(struct store_txn *txn, const char *folder, uint64_t id);

/* Change */

/* Note a body as garbage. Its checksums (below) are forgotten. */
int garbage_note(struct store_txn *txn, const char *folder, uint64_t id,
                 struct reason *why);
/* Forget the note of a body that was deleted, or all notes of a folder that was
 * swept. */
int garbage_forget(struct store_txn *txn, const char *folder, uint64_t id,
                   struct reason *why);
int garbage_forget_all(struct store_txn *txn, const char *folder,
                       struct reason *why);
/* Append the checksums of a body, as core/models/body_sums.h writes them, to
 * *out. -ENOENT where there are none. */
int sums_get(struct store_txn *txn, uint64_t id, struct text *out);
int sums_put(struct store_txn *txn, uint64_t id, const struct text *sums,
             struct reason *why);

#endif
