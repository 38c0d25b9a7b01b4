/*
 * When names in the fixed directories of the tree changed, by enum tree_no: in
 * memory, and saved to the store now and then, so that the times outlast a
 * mount. Any thread.
 */
#ifndef PRIMO_TIMES_H
#define PRIMO_TIMES_H

#include "core/store/store.h"

struct times {
    int64_t at[256]; /* atomic, ns */
    bool dirty;      /* atomic: not saved yet */
};

/* Life cycle: those of the store; where it has none, all are `now`. */
void times_load(struct times *t, struct store *s, int64_t now);
int times_save(struct times *t, struct store *s, struct reason *why);

/* Read: ns */
int64_t times_get(const struct times *t, unsigned no);

/* Change */
void times_set(struct times *t, unsigned no, int64_t now);

#endif
