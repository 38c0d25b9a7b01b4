#include "fs/requests/room.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"

#include <errno.h>
#include <stdlib.h>

enum { TRY_MS = 250 };

struct room_wait {
    struct room *room;
    fuse_req_t req;
    const struct room_kind *kind;
    void *context;
    struct reason why; /* of the last try */
    double until;      /* monotonic */
    bool interrupted;  /* atomic */
    struct room_wait *next;
};

void room_init(struct room *r)
{
    *r = (struct room){.first = NULL};
    pthread_mutex_init(&r->lock, NULL);
}

/* libfuse calls this in another thread, or at once. */
static void on_interrupt(fuse_req_t req, void *context)
{
    struct room_wait *w = context;
    (void)req;
    __atomic_store_n(&w->interrupted, true, __ATOMIC_RELEASE);
    worker_wake(&w->room->worker);
}

static void wait_end(struct room_wait *w, int err)
{
    fuse_req_interrupt_func(w->req, NULL,
                            NULL); /* it waits for on_interrupt() */
    w->kind->end(w->context, err, &w->why);
    free(w);
}

/* Returns whether it waits on. */
static bool wait_try(struct room_wait *w, bool last)
{
    int err = last                                                 ? -ENODEV
              : __atomic_load_n(&w->interrupted, __ATOMIC_ACQUIRE) ? -EINTR
                                                                   : 0;
    if (err == 0) {
        w->why = (struct reason)REASON_INIT;
        err = w->kind->try(w->context, &w->why);
        if (err == -ENOSPC && monotonic_now() < w->until)
            return true;
    }
    wait_end(w, err);
    return false;
}

/* Tries all once, in the order in which they came. */
static void try_all(struct room *r, bool last)
{
    pthread_mutex_lock(&r->lock);
    r->closed |= last;
    struct room_wait *all = r->first, **at = &all;
    r->first = NULL;
    pthread_mutex_unlock(&r->lock);
    int ended = 0;
    while (*at) {
        struct room_wait *next = (*at)->next;
        bool waits = wait_try(*at, last);
        if (waits)
            at = &(*at)->next;
        else
            *at = next;
        ended += !waits;
    }
    pthread_mutex_lock(&r->lock);
    *at = r->first; /* those that have come meanwhile */
    r->first = all;
    r->count -= ended;
    pthread_mutex_unlock(&r->lock);
}

static bool any_waits(struct room *r)
{
    pthread_mutex_lock(&r->lock);
    bool any = r->first != NULL;
    pthread_mutex_unlock(&r->lock);
    return any;
}

static void *room_run(void *context)
{
    struct room *r = context;
    do
        try_all(r, false);
    while (worker_rest(&r->worker, any_waits(r) ? TRY_MS : -1));
    return NULL;
}

void room_close(struct room *r)
{
    worker_close(&r->worker);
    try_all(r, true);
}

/* Adds it behind the others, if there may be one more. */
static bool room_add(struct room *r, struct room_wait *w)
{
    pthread_mutex_lock(&r->lock);
    if (!r->worker.open && !r->closed)
        worker_open(&r->worker, room_run, r, NULL);
    bool may = r->worker.open && !r->closed && r->count < ROOM_WAITS;
    if (may) {
        struct room_wait **at = &r->first;
        while (*at)
            at = &(*at)->next;
        *at = w;
        r->count++;
        fuse_req_interrupt_func(w->req, on_interrupt, w);
        worker_wake(&r->worker);
    }
    pthread_mutex_unlock(&r->lock);
    return may;
}

bool room_await(struct room *r, fuse_req_t req, const struct room_kind *kind,
                void *context, const struct reason *why)
{
    struct room_wait *w = xcalloc(1, sizeof *w);
    *w = (struct room_wait){.room = r,
                            .req = req,
                            .kind = kind,
                            .context = context,
                            .why = *why,
                            .until = monotonic_now() + kind->seconds};
    if (room_add(r, w))
        return true;
    free(w);
    return false;
}
