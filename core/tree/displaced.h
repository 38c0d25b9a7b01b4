/*
 * Displaced files: inputs that were renamed to a scratch name, as an editor
 * does to the old text while it writes the new one (vim's `x` to `x~`). The
 * store keeps a note of each, so that the next mount can put a file back to its
 * own name if whoever moved it away never finished. Any thread.
 */
#ifndef PRIMO_DISPLACED_H
#define PRIMO_DISPLACED_H

#include "core/state/primo.h"

/* Change, within the transaction that renames or removes the file */

/* Note that the object has a scratch name; its own one is in its `home`. */
int displaced_note(struct store_txn *txn, uint64_t id, struct reason *why);
/* Take the note away; 0 too where there is none. */
int displaced_forget(struct store_txn *txn, uint64_t id, struct reason *why);

/* Put every displaced file back to its own name, or remove it where that name
 * was given to another file meanwhile: at a mount, before there are users. */
int displaced_restore_all(struct primo *primo, struct reason *why);

#endif
