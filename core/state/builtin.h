/*
 * What is there from the first mount on. Any thread.
 */
#ifndef PRIMO_BUILTIN_H
#define PRIMO_BUILTIN_H

#include "core/state/primo.h"

/* The base that is shipped with primofs (core/models/shipped_base.h). */
#define SHIPPED_BASE_NAME "base"

/* Whether an object is there from the first mount on and cannot be removed. */
bool object_is_builtin(enum object_kind kind, const char *name);
/* Whether the built-in objects were made. A store without them is new. */
bool builtin_there(struct primo *p);
/* Make the objects in a new state directory; in an old one, those that cannot
 * be removed and that its version did not have. */
int builtin_make(struct primo *p, struct reason *why);

#endif
