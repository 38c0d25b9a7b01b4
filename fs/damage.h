/*
 * The end of a daemon whose database turns out to be damaged. LMDB maps the
 * file: what cannot be read, or leads astray, is a signal, which without this
 * would end the daemon without a word.
 */
#ifndef PRIMO_DAMAGE_H
#define PRIMO_DAMAGE_H

/* From now on a fault of memory within the store says so, to `ready` (who waits
 * for the mount, -1 = nobody), standard error and the system's log, unmounts
 * and ends the process with status 1. Both paths are kept, and stay where they
 * are; NULL = nothing is mounted. Other faults are what they were. */
void damage_watch(const char *state, const char *mountpoint, int ready);
/* Nobody waits any more. */
void damage_mounted(void);

#endif
