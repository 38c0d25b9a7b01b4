#include "core/tree/handle_inside.h"

#include "core/basic/clock.h"

void handle_list(struct handle *h)
{
    struct handles *all = &h->primo->handles;
    pthread_mutex_lock(&all->lock);
    h->next = all->first;
    if (h->next)
        h->next->before = h;
    all->first = h;
    if (wants_write(h->flags))
        __atomic_add_fetch(&all->writing, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&all->lock);
}

void handle_unlist(struct handle *h)
{
    struct handles *all = &h->primo->handles;
    pthread_mutex_lock(&all->lock);
    if (h->next)
        h->next->before = h->before;
    if (h->before)
        h->before->next = h->next;
    else if (all->first == h)
        all->first = h->next;
    if (wants_write(h->flags))
        __atomic_sub_fetch(&all->writing, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&all->lock);
}

bool handles_write(struct primo *primo, uint64_t object)
{
    struct handles *all = &primo->handles;
    if (!__atomic_load_n(&all->writing, __ATOMIC_SEQ_CST))
        return false;
    pthread_mutex_lock(&all->lock);
    struct handle *h = all->first;
    while (h && (h->node.object != object || !wants_write(h->flags)))
        h = h->next;
    pthread_mutex_unlock(&all->lock);
    return h != NULL;
}

void handles_set_mtime(struct primo *primo, uint64_t object, int64_t mtime)
{
    struct handles *all = &primo->handles;
    pthread_mutex_lock(&all->lock);
    for (struct handle *h = all->first; h; h = h->next)
        if (h->node.object == object)
            __atomic_store_n(&h->mtime, mtime, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&all->lock);
}

/* Wait where h is closing, or may be about to; false = there is no need. */
static bool settle_one(struct handles *all, const struct handle *h)
{
    struct timespec until = {h->may_close / 1000000000,
                             h->may_close % 1000000000};
    if (h->closing)
        pthread_cond_wait(&all->settled, &all->lock);
    else if (h->may_close > clock_ns())
        pthread_cond_timedwait(&all->settled, &all->lock, &until);
    else
        return false;
    return true;
}

void handles_settle(struct primo *primo, uint64_t object)
{
    struct handles *all = &primo->handles;
    if (!__atomic_load_n(&all->closing, __ATOMIC_ACQUIRE))
        return;
    pthread_mutex_lock(&all->lock);
    for (struct handle *h = all->first; h;)
        h = h->node.object == object && settle_one(all, h) ? all->first
                                                           : h->next;
    pthread_mutex_unlock(&all->lock);
}

void handle_closing(struct handle *h, bool closing, int64_t may_close)
{
    struct handles *all = &h->primo->handles;
    pthread_mutex_lock(&all->lock);
    int was = h->closing || h->may_close;
    h->closing = closing;
    h->may_close = may_close;
    __atomic_add_fetch(&all->closing, (closing || may_close) - was,
                       __ATOMIC_RELEASE);
    pthread_cond_broadcast(&all->settled);
    pthread_mutex_unlock(&all->lock);
}
