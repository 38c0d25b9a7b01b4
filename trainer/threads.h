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
    int use;       /* 1.. */
    int allowed;   /* processors in the affinity mask */
    int cores;     /* physical cores among them */
    double quota;  /* INFINITY = none */
    char why[320]; /* a sentence for people */
};

/* `allowed` = NULL asks for this process's own mask. */
void threads_find(struct threads *t, const char *root,
                  const cpu_set_t *allowed);

/* OpenMP's threads that wait at a barrier spin, which takes the processor from
 * the file system and from the threads that load pictures. How long is read
 * from the environment when the program is loaded, so this loads it again, by
 * its path, that it is called as before; once, and not where the environment
 * says something already. */
void threads_spin_little(char **argv);

#endif
