/*
 * The mount point before the mount: whether it can be one, and clearing what
 * a killed daemon of this state directory left there.
 */
#ifndef PRIMO_MOUNTPOINT_H
#define PRIMO_MOUNTPOINT_H

#include "core/basic/reason.h"

/* ENOENT, ENOTDIR, EBUSY (something is mounted there) … with a reason. A dead
 * mount of the same state directory is unmounted first. */
int mountpoint_prepare(const char *path, const char *state, struct reason *why);

#endif
