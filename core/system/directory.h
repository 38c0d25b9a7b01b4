/*
 * Directories of the state directory: opened, synced, and removed with all that
 * is in them, also where another user has filled them. Made: own.h. Any thread.
 */
#ifndef PRIMO_DIRECTORY_H
#define PRIMO_DIRECTORY_H

#include "core/basic/reason.h"

#include <dirent.h>

int directory_open(const char *path, struct reason *why); /* a descriptor */
/* What is in a directory of the one that is open as `parent`, or in that one
 * itself, which is called ".": from its first entry on, for closedir(). Links
 * are not followed. NULL, with errno set, where it cannot be listed. */
DIR *directory_list(int parent, const char *name);
int directory_sync(int dir, struct reason *why);
/* Remove a directory and what is in it, however deep. Links are not followed.
 * Returns 0 where there is no such directory, and EAGAIN where it holds more
 * than is removed in one call: call again later. */
int directory_remove(int parent, const char *name, struct reason *why);

#endif
