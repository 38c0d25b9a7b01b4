/*
 * The mount point before the mount: checking that it can be one, and removing
 * the dead mount that a killed daemon of this state directory has left there;
 * and where a state directory is mounted.
 */
#ifndef PRIMO_MOUNTPOINT_H
#define PRIMO_MOUNTPOINT_H

#include "core/basic/reason.h"
#include "core/basic/text.h"

#include <stdbool.h>

/* Check a mount point; a dead mount of the same state directory is unmounted
 * first. EBUSY: something is mounted there; ENOENT, ENOTDIR and so on. */
int mountpoint_prepare(const char *path, const char *state, struct reason *why);
/* Check, before anything is made, what the kernel and fusermount3 will ask:
 * that /dev/fuse can be used, that the user may write the mount point, and, if
 * it is for others (`shared`), that /etc/fuse.conf lets him. EACCES, ENOENT and
 * so on. */
int mountpoint_check_rights(const char *path, bool shared, struct reason *why);
/* Whether a directory has anything in it. */
bool mountpoint_hides(const char *path);
/* Find where a state directory is mounted; returns whether it is. */
bool mountpoint_of(const char *state, struct text *out);

#endif
