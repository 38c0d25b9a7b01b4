/*
 * Objects refer to each other by name: a template to its type, a process to
 * its machine and template. Whether what a text names is there, and whether
 * what is to be removed or renamed is still named. Any thread.
 */
#ifndef PRIMO_REFER_H
#define PRIMO_REFER_H

#include "core/shared/settings.h"
#include "core/state/primo.h"

/* The object that a value names; EINVAL with a list of those there are. *out
 * is then as after init, as it is for keys that name nothing. */
int refer_find(struct store_txn *txn, enum key key, const char *value,
               struct object *out, struct reason *why);
/* Whether an input may be removed: EBUSY while something needs it, EPERM where
 * it is built in. */
int refer_may_drop(struct primo *primo, const struct object *o,
                   struct reason *why);
/* Whether an input may be called by another name; templates always may. */
int refer_may_rename(struct primo *primo, const struct object *o,
                     struct reason *why);

#endif
