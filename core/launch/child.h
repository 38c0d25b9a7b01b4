/*
 * Trainers of this host as processes: those that this daemon started, each
 * known by a pidfd for as long as it has not been waited for, and the search
 * for one that an earlier daemon has left. Nothing is ever killed by its
 * number alone: a number may belong to somebody else by the time it is used.
 * Any thread: the list is under its own lock, which is held for no longer than
 * a system call that does not wait.
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
    int pidfd;  /* -1 = it has ended, or the kernel gave none */
    int status; /* of waitpid(), once it has ended */
    bool ended;
    struct launch_child *next;
};

struct launch_children {
    pthread_mutex_t lock;
    struct launch_child *first; /* under lock; the one noted last */
};

/* Life cycle */
void children_init(struct launch_children *children);
void children_release(struct launch_children *children);

/* Note a child that was just started, in place of an earlier one of its run. */
void child_note(struct launch_children *children, uint64_t run, pid_t pid);
/* Forget the child of a run, where it has ended. */
void child_forget(struct launch_children *children, uint64_t run);

/* Read. Each notes first which children have ended, so that none stays a
 * zombie. */

/* A copy of what is known; false = this daemon started none for the run. */
bool child_find(struct launch_children *children, uint64_t run,
                struct launch_child *out);

/* Change */

/* SIGKILL to the child of a run; false = it is not known, or has ended. */
bool child_kill(struct launch_children *children, uint64_t run);
/* SIGKILL to every process of user `uid` that has the file open which `lock`
 * describes, and whose last name is `name`. A process is judged by the device
 * and the inode number of what its descriptors lead to; the text of a
 * descriptor's link, which anybody can forge, only leaves most of them out, so
 * that no file system of somebody else's is asked. To see the descriptors of
 * another user's trainer takes CAP_SYS_PTRACE. */
void holders_kill(const struct stat *lock, const char *name, uid_t uid);

#endif
