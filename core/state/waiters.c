#include "core/state/waiters.h"

#include <stdlib.h>
#include <string.h>

void waiters_init(struct waiters *w)
{
    memset(w, 0, sizeof *w);
    pthread_mutex_init(&w->lock, NULL);
}

void waiters_release(struct waiters *w)
{
    waiters_wake(w, 0, NULL);
    free(w->list);
    pthread_mutex_destroy(&w->lock);
}

uint64_t waiters_next(struct waiters *w, uint64_t after)
{
    uint64_t next = 0;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->count; i++)
        if (w->list[i].process > after && (!next || w->list[i].process < next))
            next = w->list[i].process;
    pthread_mutex_unlock(&w->lock);
    return next;
}

void waiters_add(struct waiters *w, uint64_t process, waiter_fn *done,
                 void *context)
{
    pthread_mutex_lock(&w->lock);
    w->list = realloc(w->list, (w->count + 1) * sizeof *w->list);
    if (!w->list)
        abort();
    w->list[w->count++] = (struct waiter){process, done, context};
    pthread_mutex_unlock(&w->lock);
}

bool waiters_cancel(struct waiters *w, void *context)
{
    bool found = false;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->count && !found; i++) {
        if (w->list[i].context != context)
            continue;
        w->list[i] = w->list[--w->count];
        found = true;
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

/* Take one waiter of the process out of the list. */
static bool waiters_take(struct waiters *w, uint64_t process,
                         struct waiter *out)
{
    bool found = false;
    pthread_mutex_lock(&w->lock);
    for (size_t i = w->count; i > 0 && !found; i--) {
        if (process && w->list[i - 1].process != process)
            continue;
        *out = w->list[i - 1];
        w->list[i - 1] = w->list[--w->count];
        found = true;
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

void waiters_wake(struct waiters *w, uint64_t process, const char *status)
{
    struct waiter one;
    while (waiters_take(w, process, &one))
        one.done(one.context, status);
}
