/*
 * A thread that works in rounds until it is told to end: the thread, the
 * condition on which it rests between two rounds, and the flags that wake it.
 * What the thread works on is the owner's, with the owner's locks.
 *
 *     static void *run(void *context)
 *     {
 *         struct owner *o = context;
 *         do
 *             work(o);
 *         while (worker_rest(&o->worker, 200));
 *         return NULL;
 *     }
 *
 * The owner's thread opens and closes a worker; any thread may wake or end it.
 * No lock is held while the thread works, and these functions take none but the
 * worker's own, so they may be called with any lock held; except for
 * worker_close(), which waits for the thread.
 */
#ifndef PRIMO_WORKER_H
#define PRIMO_WORKER_H

#include "core/basic/reason.h"

#include <pthread.h>
#include <stdbool.h>

struct worker { /* zeroed: not open */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    bool woken, end; /* under lock */
};

/* Life cycle */

/* Starts run(context) in a thread. On failure (EAGAIN) the worker isn't open.
 */
int worker_open(struct worker *w, void *(*run)(void *context), void *context,
                struct reason *why);
/* Ends the thread and waits for it. Does nothing where none is open. */
void worker_close(struct worker *w);

/* By the thread itself */

/* Sleep for so many milliseconds (a negative number: without a limit), or until
 * somebody wakes the worker; not at all where somebody has done so since the
 * last rest. Returns false when the thread is to end. */
bool worker_rest(struct worker *w, int ms);
/* Whether the thread is to end. Does not wait. */
bool worker_is_ending(struct worker *w);

/* By any thread, but not while the worker is being opened or closed. They do
 * nothing where none is open. */

void worker_wake(struct worker *w);
/* Tell it to end, without waiting for that. */
void worker_end(struct worker *w);

#endif
