#include "core/clients/handles.h"

#include "core/basic/clock.h"

/* How long a close may be on its way after its flush, on a busy machine. */
enum { FLUSHED_NS = 100000000 };

void handles_init(struct handles *all)
{
    *all = (struct handles){.first = NULL};
    pthread_mutex_init(&all->lock, NULL);
    clock_condition_init(&all->settled);
}

void handles_add(struct handles *all, struct opened *h)
{
    pthread_mutex_lock(&all->lock);
    h->next = all->first;
    if (h->next)
        h->next->before = h;
    all->first = h;
    if (h->writes)
        __atomic_add_fetch(&all->writing, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&all->lock);
}

void handles_remove(struct handles *all, struct opened *h)
{
    pthread_mutex_lock(&all->lock);
    if (h->next)
        h->next->before = h->before;
    if (h->before)
        h->before->next = h->next;
    else if (all->first == h)
        all->first = h->next;
    if (h->writes)
        __atomic_sub_fetch(&all->writing, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&all->lock);
}

bool handles_write(struct handles *all, uint64_t object)
{
    if (!__atomic_load_n(&all->writing, __ATOMIC_SEQ_CST))
        return false;
    pthread_mutex_lock(&all->lock);
    struct opened *h = all->first;
    while (h && (h->object != object || !h->writes))
        h = h->next;
    pthread_mutex_unlock(&all->lock);
    return h != NULL;
}

/* Under the lock. */
static bool others_write(const struct handles *all, const struct opened *but)
{
    const struct opened *h = all->first;
    while (h &&
           (h == but || h->object != but->object || !h->writes || h->ended))
        h = h->next;
    return h != NULL;
}

bool handles_others_write(struct handles *all, const struct opened *but)
{
    pthread_mutex_lock(&all->lock);
    bool others = others_write(all, but);
    pthread_mutex_unlock(&all->lock);
    return others;
}

bool handles_end(struct handles *all, struct opened *h)
{
    pthread_mutex_lock(&all->lock);
    h->ended = true;
    bool last = !others_write(all, h);
    pthread_mutex_unlock(&all->lock);
    return last;
}

bool handles_keep(struct handles *all, uint64_t object, uint64_t bytes)
{
    pthread_mutex_lock(&all->lock);
    struct opened *h = all->first;
    while (h && (h->object != object ||
                 __atomic_load_n(&h->keeps, __ATOMIC_SEQ_CST) != bytes))
        h = h->next;
    pthread_mutex_unlock(&all->lock);
    return h != NULL;
}

bool handles_written(struct handles *all, uint64_t object, uint64_t *size,
                     int64_t *mtime)
{
    if (!__atomic_load_n(&all->writing, __ATOMIC_SEQ_CST))
        return false;
    int64_t found = 0;
    pthread_mutex_lock(&all->lock);
    for (struct opened *h = all->first; h && !found; h = h->next) {
        if (h->object == object)
            found = __atomic_load_n(&h->size, __ATOMIC_RELAXED);
        if (found)
            *mtime = __atomic_load_n(&h->mtime, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&all->lock);
    *size = (uint64_t)found;
    return found > 0;
}

void handles_set_mtime(struct handles *all, uint64_t object, int64_t mtime)
{
    pthread_mutex_lock(&all->lock);
    for (struct opened *h = all->first; h; h = h->next)
        if (h->object == object)
            __atomic_store_n(&h->mtime, mtime, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&all->lock);
}

static void wait_until(struct handles *all, int64_t ns)
{
    struct timespec until = ns_timespec(ns);
    pthread_cond_timedwait(&all->settled, &all->lock, &until);
}

/* Waits once where h is closing, or may be about to close, and that began no
 * later than the close with the number `last`. Returns false where there is
 * nothing to wait for. The lock is released while it waits, so the caller has
 * to look at the whole list again. */
static bool settle_one(struct handles *all, const struct opened *h,
                       uint64_t last)
{
    if (h->close_number > last)
        return false;
    if (h->closing)
        pthread_cond_wait(&all->settled, &all->lock);
    else if (h->may_close > monotonic_ns())
        wait_until(all, h->may_close);
    else
        return false;
    return true;
}

static bool settle_flushed(struct handles *all, const struct opened *h)
{
    int64_t until = __atomic_load_n(&h->flushed, __ATOMIC_RELAXED);
    if (!h->writes || h->closing || until <= monotonic_ns())
        return false;
    wait_until(all, until);
    return true;
}

void handles_settle(struct handles *all, uint64_t object)
{
    if (!__atomic_load_n(&all->closing, __ATOMIC_ACQUIRE))
        return;
    pthread_mutex_lock(&all->lock);
    uint64_t last = all->closes;
    for (struct opened *h = all->first; h;)
        h = h->object == object && settle_one(all, h, last) ? all->first
                                                            : h->next;
    pthread_mutex_unlock(&all->lock);
}

void handles_settle_all(struct handles *all, uint64_t object)
{
    pthread_mutex_lock(&all->lock);
    for (struct opened *h = all->first; h;)
        h = h->object == object && settle_flushed(all, h) ? all->first
                                                          : h->next;
    pthread_mutex_unlock(&all->lock);
    handles_settle(all, object);
}

void handles_flushed(struct opened *h)
{
    __atomic_store_n(&h->flushed, monotonic_ns() + FLUSHED_NS,
                     __ATOMIC_RELAXED);
}

void handles_closed(struct handles *all, struct opened *h)
{
    pthread_mutex_lock(&all->lock);
    if (h->writes)
        __atomic_sub_fetch(&all->writing, 1, __ATOMIC_SEQ_CST);
    h->writes = false;
    pthread_mutex_unlock(&all->lock);
    handles_closing(all, h, false, 0);
}

void handles_closing(struct handles *all, struct opened *h, bool closing,
                     int64_t may_close)
{
    pthread_mutex_lock(&all->lock);
    int was = h->closing || h->may_close;
    /* a flush begins a close, and the last save belongs to that close */
    if (may_close || (closing && !was))
        h->close_number = ++all->closes;
    h->closing = closing;
    h->may_close = may_close;
    __atomic_add_fetch(&all->closing, (closing || may_close) - was,
                       __ATOMIC_RELEASE);
    pthread_cond_broadcast(&all->settled);
    pthread_mutex_unlock(&all->lock);
}
