/*
 * Directories that must be the daemon's own, as the state directory and those
 * in it: what lies in them is read, written and removed with all its rights, so
 * that nobody else may decide what that is. One is opened once, and everything
 * below it by its descriptor. Those of others: foreign.h. Any thread.
 */
#ifndef PRIMO_OWN_H
#define PRIMO_OWN_H

#include "core/basic/reason.h"

#include <stdbool.h>

/* Functions return a descriptor or -errno, with the sentence: EPERM where the
 * directory is a link, no directory, somebody else's, or can be written by
 * group or others. `name` may be a path; its last part is not followed. */

int directory_own(int parent, const char *name, struct reason *why);
/* Open one for looking only: it may also belong to root. */
int directory_seen(int parent, const char *name, struct reason *why);
/* As directory_own(), but a directory that is not there is made, and its name
 * is made durable. */
int directory_own_make(int parent, const char *name, struct reason *why);
/* Open the topmost directory: with `make` it is made if it is not there,
 * without it is opened for looking only. It may have the sticky bit, as the
 * root of a tmpfs does: others may put something into it, but change nothing,
 * and the owner of all that is opened there is checked. */
int directory_own_top(const char *path, bool make, struct reason *why);
/* Returns 0 where an open file belongs to the daemon's user or to root, else
 * EPERM. */
int file_own_check(int fd, const char *name, struct reason *why);

#endif
