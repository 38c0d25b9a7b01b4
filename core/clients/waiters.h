/*
 * Those who read `wait`: each is called back once the process it waits for has
 * ended, and holds no thread meanwhile. Any thread.
 *
 * The status is read while the list is locked. So whoever is called back was on
 * the list before the status was read, and is never told how an earlier
 * training ended: a waiter who comes later is judged by a later status.
 */
#ifndef PRIMO_WAITERS_H
#define PRIMO_WAITERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Called once per waiter, without a lock. `status` is the final word, or NULL
 * when there will be none: the process was removed, or the mount ends. */
typedef void waiter_fn(void *context, const char *status);

/* Whether a process has ended, and its final word (NULL: it was removed).
 * Called under the lock of the list, so it must not call back into it. */
typedef bool waiter_ended_fn(void *context, uint64_t process,
                             const char **status);

struct waiter {
    uint64_t process;
    waiter_fn *done;
    void *context;
};

struct waiters {
    waiter_ended_fn *ended;
    void *context; /* the argument of `ended` */
    pthread_mutex_t lock;
    struct waiter *list; /* under lock */
    size_t count, room;  /* under lock */
};

/* Life cycle */
void waiters_init(struct waiters *w, waiter_ended_fn *ended, void *context);
void waiters_release(struct waiters *w); /* calls waiters_end() first */

/* Change */
void waiters_add(struct waiters *w, uint64_t process, waiter_fn *done,
                 void *context);
/* Forget the waiter with this context. Returns false where it was called
 * already. */
bool waiters_cancel(struct waiters *w, void *context);
/* Answer those who wait for a process, where it has ended. */
void waiters_wake(struct waiters *w, uint64_t process);
/* Answer those who wait for any process that has ended. */
void waiters_wake_all(struct waiters *w);
/* Tell all who wait that there will be no answer. */
void waiters_end(struct waiters *w);

#endif
