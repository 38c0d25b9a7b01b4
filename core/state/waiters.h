/*
 * Those who read `wait`: they are called back when the process they wait for
 * has ended, and hold no thread meanwhile. Any thread.
 */
#ifndef PRIMO_WAITERS_H
#define PRIMO_WAITERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* status: the final word, or NULL: there will be none (unmount). Called once
 * per waiter, without a lock. */
typedef void waiter_fn(void *context, const char *status);

struct waiter {
    uint64_t process;
    waiter_fn *done;
    void *context;
};

struct waiters {
    pthread_mutex_t lock;
    struct waiter *list; /* under lock */
    size_t count;        /* under lock */
};

/* Life cycle */
void waiters_init(struct waiters *w);
void waiters_release(struct waiters *w); /* calls those that are left: NULL */

/* Read: the smallest process above `after` that somebody waits for, 0 = none */
uint64_t waiters_next(struct waiters *w, uint64_t after);

/* Change */
void waiters_add(struct waiters *w, uint64_t process, waiter_fn *done,
                 void *context);
/* Forget the waiter of this context; false when it has been called already. */
bool waiters_cancel(struct waiters *w, void *context);
/* Call those of a process; process 0: all. */
void waiters_wake(struct waiters *w, uint64_t process, const char *status);

#endif
