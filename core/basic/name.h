/*
 * What objects and files may be called. Pure functions; any thread.
 */
#ifndef PRIMO_NAME_H
#define PRIMO_NAME_H

#include "core/basic/reason.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a template, machine, type, base or role may have this name; EINVAL
 * with a sentence. */
int name_check(const char *name, size_t size, struct reason *why);
/* Whether a name is one that editors and copy tools use for a moment. */
bool name_is_scratch(const char *name);

#endif
