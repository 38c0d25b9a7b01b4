/*
 * Something that is done once with each of many pictures, by several threads,
 * while the caller waits and is told how far they are.
 */
#ifndef PRIMO_READING_H
#define PRIMO_READING_H

#include "core/basic/reason.h"

#include <pthread.h>
#include <stdbool.h>

struct reading_options {
    int workers; /* threads, 1.. */
    /* Called about five times a second, from the calling thread; false ends the
     * reading with ECANCELED. NULL = not wanted. */
    bool (*tick)(void *context, int done, int total);
    void *context; /* of tick */
};

/* Do it with picture i. An error ends the reading. */
typedef int reading_take(void *context, int i, struct reason *why);

/* Do it with `count` pictures. ENOMEM; EAGAIN: no thread can be started;
 * ECANCELED; and the first error of `take`. */
int reading_run(int count, const struct reading_options *options,
                reading_take *take, void *context, struct reason *why);

/* pthread_create() for a thread with all signals blocked, so that they are
 * delivered to the program's own threads. */
int thread_start(pthread_t *thread, void *(*run)(void *), void *context);

#endif
