#include "core/clients/waiters.h"

#include "core/basic/alloc.h"

#include <stdlib.h>
#include <string.h>

void waiters_init(struct waiters *w, waiter_ended_fn *ended, void *context)
{
    memset(w, 0, sizeof *w);
    w->ended = ended;
    w->context = context;
    pthread_mutex_init(&w->lock, NULL);
}

void waiters_release(struct waiters *w)
{
    waiters_end(w);
    free(w->list);
    pthread_mutex_destroy(&w->lock);
}

void waiters_add(struct waiters *w, uint64_t process, waiter_fn *done,
                 void *context)
{
    pthread_mutex_lock(&w->lock);
    ALLOC_GROW(w->list, w->count + 1, w->room);
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

/* Takes the waiters of a process (0 = all) off the list. The caller holds the
 * lock, and frees the list that is returned. */
static struct waiter *take(struct waiters *w, uint64_t process, size_t *count)
{
    struct waiter *out = xcalloc(w->count + 1, sizeof *out);
    size_t kept = 0;
    *count = 0;
    for (size_t i = 0; i < w->count; i++)
        if (!process || w->list[i].process == process)
            out[(*count)++] = w->list[i];
        else
            w->list[kept++] = w->list[i];
    w->count = kept;
    return out;
}

/* All are taken at once: one that is answered may start the next training and
 * wait again before the last is, and that wait is for the next training. */
static void answer(struct waiter *list, size_t count, const char *status)
{
    for (size_t i = 0; i < count; i++)
        list[i].done(list[i].context, status);
    free(list);
}

static bool has_waiter(const struct waiters *w, uint64_t process)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->list[i].process == process)
            return true;
    return false;
}

void waiters_wake(struct waiters *w, uint64_t process)
{
    const char *status = NULL;
    struct waiter *list = NULL;
    size_t count = 0;
    pthread_mutex_lock(&w->lock);
    if (has_waiter(w, process) && w->ended(w->context, process, &status))
        list = take(w, process, &count);
    pthread_mutex_unlock(&w->lock);
    answer(list, count, status);
}

/* The smallest process above `after` that somebody waits for, 0 = none. */
static uint64_t next_awaited(struct waiters *w, uint64_t after)
{
    uint64_t next = 0;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->count; i++)
        if (w->list[i].process > after && (!next || w->list[i].process < next))
            next = w->list[i].process;
    pthread_mutex_unlock(&w->lock);
    return next;
}

void waiters_wake_all(struct waiters *w)
{
    uint64_t process = 0;
    while ((process = next_awaited(w, process)))
        waiters_wake(w, process);
}

void waiters_end(struct waiters *w)
{
    size_t count;
    pthread_mutex_lock(&w->lock);
    struct waiter *list = take(w, 0, &count);
    pthread_mutex_unlock(&w->lock);
    answer(list, count, NULL);
}
