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
/* For looking only: root's will do as well. */
int directory_seen(int parent, const char *name, struct reason *why);
/* The same as directory_own() for one that is made where it is not there, its
 * name durable. `passable`: others may pass through it. */
int directory_own_make(int parent, const char *name, bool passable,
                       struct reason *why);
/* The topmost one, made with `make`, or for looking only. It may be one with
 * the sticky bit, as the root of a tmpfs is: others may put something there,
 * but change nothing, and all that is opened there is asked for its owner. */
int directory_own_top(const char *path, bool make, bool passable,
                      struct reason *why);
/* Whether an open file is the daemon's own, or root's; 0 or EPERM. */
int file_own_check(int fd, const char *name, struct reason *why);

#endif
