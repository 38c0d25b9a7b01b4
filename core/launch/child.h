/*
 * Trainers as processes of this host: the list of those that this daemon
 * started, each with a pidfd until it has been waited for, and a search for
 * those that an earlier daemon left running. No process is ever killed by its
 * number alone, which may belong to somebody else by the time it is used. Any
 * thread may call; the list has its own lock, which is never held during a
 * system call that blocks.
 */
#ifndef PRIMO_LAUNCH_CHILD_H
#define PRIMO_LAUNCH_CHILD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* A trainer that this daemon started itself. */
struct launch_child {
    uint64_t run;
    pid_t pid;
    int pidfd;  /* -1 = it has ended, or the kernel has no pidfds */
    int status; /* from waitpid(), once it has ended */
    bool ended;
    struct launch_child *next;
};

struct launch_children {
    pthread_mutex_t lock;
    struct launch_child *first; /* under lock; the newest child */
};

/* Life cycle */
void children_init(struct launch_children *children);
void children_release(struct launch_children *children);

/* Add a child that was just started, in front of earlier ones of its run: one
 * that leads several hosts leaves the run to the next before it ends. */
void child_note(struct launch_children *children, uint64_t run, pid_t pid);
/* Forget those children of a run that have ended. */
void child_forget(struct launch_children *children, uint64_t run);

/* Read. Ended children are reaped first, so that none remains a zombie. */

/* Copy what is known of the run's newest child; false = this daemon started
 * none. */
bool child_find(struct launch_children *children, uint64_t run,
                struct launch_child *out);

/* Change */

/* Send SIGKILL to the children of a run; false = none is known, or all have
 * ended. */
bool child_kill(struct launch_children *children, uint64_t run);
/* Send SIGKILL to every process of user `uid` that has open the file which
 * `lock` describes and whose file name is `name`. What counts is the device and
 * the inode number of an open descriptor. The text of its link in /proc, which
 * anybody can forge, is only used to skip most descriptors, so that no file
 * system of other users is asked. Looking at the descriptors of another user's
 * trainer takes CAP_SYS_PTRACE. */
void holders_kill(const struct stat *lock, const char *name, uid_t uid);

#endif
