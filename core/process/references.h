/*
 * References: objects name each other, a template its type, a process its
 * machine and template. These functions tell whether what a text names is
 * there, and whether what is to be removed or renamed is still named. Any
 * thread.
 */
#ifndef PRIMO_REFERENCES_H
#define PRIMO_REFERENCES_H

#include "core/settings/settings.h"
#include "core/state/primo.h"

/* Load the object that the value of a key names. EINVAL: there is no object of
 * that name; the sentence lists the names that exist. In this case, and for a
 * key that does not name objects, *out is as after OBJECT_INIT. */
int reference_find(struct store_txn *txn, enum key key, const char *value,
                   struct object *out, struct reason *why);
/* Whether each object is there that the value of a key names. EINVAL, as
 * above. */
int references_judge(struct store_txn *txn, enum key key, const char *value,
                     struct reason *why);
/* Whether an input may be removed. EBUSY: something needs it; EPERM: it is
 * built in. */
int reference_may_drop(struct primo *primo, const struct object *o,
                       struct reason *why);

#endif
