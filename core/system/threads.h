/*
 * How many threads a training should have here: one for each physical core
 * that the process may run on (two hardware threads of a core share its
 * vector units), and no more than the whole processors of its cgroup quota.
 * `root` as in cgroup.h. Any thread.
 */
#ifndef PRIMO_THREADS_H
#define PRIMO_THREADS_H

#include <sched.h>

struct threads {
    int use;       /* at least 1 */
    int allowed;   /* processors in the affinity mask */
    int cores;     /* physical cores among them */
    double quota;  /* INFINITY = none */
    char why[320]; /* a sentence for people */
};

/* Where `allowed` is NULL, the affinity mask of this process counts. */
void threads_find(struct threads *t, const char *root,
                  const cpu_set_t *allowed);

#endif
