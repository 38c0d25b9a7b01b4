/*
 * Directories of the state directory: made, opened, synced, and removed with
 * all that is in them, also where another user has filled them. Any thread.
 */
#ifndef PRIMO_DIRECTORY_H
#define PRIMO_DIRECTORY_H

#include "core/basic/reason.h"

#include <stdbool.h>

int directory_open(const char *path, struct reason *why); /* a descriptor */
/* Make a directory of mode 0700; one that is there already is fine.
 * `passable`: others may pass through it, and do nothing else in it. */
int directory_make(const char *path, bool passable, struct reason *why);
int directory_sync(int dir, struct reason *why);
/* Remove a directory and what is in it, however deep; links are not followed.
 * Absent: 0. EAGAIN: there is more in it than is removed at once. */
int directory_remove(int parent, const char *name, struct reason *why);

#endif
