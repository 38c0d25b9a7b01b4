/*
 * The mount point before the mount: checking that it can be one, and removing
 * the dead mount that a killed daemon of this state directory has left there.
 */
#ifndef PRIMO_MOUNTPOINT_H
#define PRIMO_MOUNTPOINT_H

#include "core/basic/reason.h"

/* Check a mount point; a dead mount of the same state directory is unmounted
 * first. EBUSY: something is mounted there; ENOENT, ENOTDIR and so on. */
int mountpoint_prepare(const char *path, const char *state, struct reason *why);

#endif
