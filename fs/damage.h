/*
 * The end of a daemon whose database turns out to be damaged. LMDB maps the
 * file into memory: a page that cannot be read, or a damaged reference, causes
 * a signal, which would end the daemon without any message.
 */
#ifndef PRIMO_DAMAGE_H
#define PRIMO_DAMAGE_H

/* From now on a fault of memory within the store says so, to `ready` (who waits
 * for the mount, -1 = nobody), standard error and the system's log, unmounts
 * and ends the process with status 1. Both paths are kept, and stay where they
 * are; NULL = nothing is mounted. Other faults are what they were. */
void damage_watch(const char *state, const char *mountpoint, int ready);
/* Note that nobody waits for the mount any more. */
void damage_mounted(void);

#endif
