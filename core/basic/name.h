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
/* Whether a new object may get this name, be it one of name_check() or of
 * name_is_scratch(): it must have nothing that cannot be seen, nor look like an
 * option. EINVAL. Objects of old may have such names and are still found. */
int name_new_check(const char *name, struct reason *why);
/* Whether two names that differ are the same to the eye, as they differ in the
 * composition of their characters only (NFC and NFD). */
bool name_is_twin(const char *a, const char *b);
/* What names have in common that people hardly tell apart: they differ in
 * case, composition and blanks at their ends only. The caller frees it. */
char *name_fold(const char *name);
/* Whether there can be such a name. */
bool name_has_twins(const char *name);
/* Whether a name is one that editors and copy tools use for a moment. */
bool name_is_scratch(const char *name);

#endif
