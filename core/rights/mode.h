/*
 * The modes of objects. A mode belongs to the object's owner and takes away
 * from what the roles allow; it never adds to that. The administrator counts as
 * the owner of everything. Any thread.
 */
#ifndef PRIMO_MODE_H
#define PRIMO_MODE_H

#include "core/rights/roles.h"
#include "core/store/object.h"

/* Whether the caller owns the object, or is the administrator. */
bool mode_is_owner(const struct roles *r, const struct caller *caller,
                   const struct object *o);
/* Whether its mode lets the caller read and write the object; EACCES, or EAGAIN
 * where that cannot be told now, as his groups cannot be looked up. */
int mode_may(const struct roles *r, const struct caller *caller,
             const struct object *o, bool reads, bool writes,
             struct reason *why);
/* Whether its mode lets the caller change its times, or take its name away: to
 * remove it, to rename it, or to give the name to another file. An owner may,
 * as he could change the mode first; others must be allowed to write it.
 * EACCES. */
int mode_may_replace(const struct roles *r, const struct caller *caller,
                     const struct object *o, struct reason *why);

#endif
