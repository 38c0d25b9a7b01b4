/*
 * What is there from the first mount on. Any thread.
 */
#ifndef PRIMO_BUILTIN_H
#define PRIMO_BUILTIN_H

#include "core/state/primo.h"

/* Whether it is there from the first mount on and cannot be removed. */
bool object_is_builtin(enum object_kind kind, const char *name);
/* Whether it was made once: a store without it is new. */
bool builtin_there(struct primo *p);
/* Make it all, in a state directory that is new. */
int builtin_make(struct primo *p, struct reason *why);

#endif
