/*
 * What this process's control groups grant it, version 1 or 2, from /proc and
 * the mounted hierarchies. A limit may sit on any ancestor, so each is asked
 * from the process's own group up to the root of the mount (inside a container
 * its path may not be visible; then the mount's root is its group). What can't
 * be read limits nothing. `root` is "" for this machine; tests give a folder
 * that holds proc/ and sys/. Any thread.
 */
#ifndef PRIMO_CGROUP_H
#define PRIMO_CGROUP_H

#include <stdint.h>

/* Processors' worth of time per second; INFINITY = no quota. */
double cgroup_cpus(const char *root);
/* Bytes that may still be taken; UINT64_MAX = no limit. */
uint64_t cgroup_memory(const char *root);
/* Bytes that may be taken in all; UINT64_MAX = no limit. */
uint64_t cgroup_memory_limit(const char *root);

#endif
