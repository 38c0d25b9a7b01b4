#include "fs/requests/room.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "fs/requests/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TRY_MS = 250 };

struct room_write {
    struct room *room;
    fuse_req_t req;
    struct handle *h; /* open as long as the kernel waits for this */
    char *data;
    size_t size;
    uint64_t offset;
    struct reason why; /* of the last try */
    double until;      /* monotonic */
    bool interrupted;  /* atomic */
    struct room_write *next;
};

void room_init(struct room *r)
{
    *r = (struct room){.first = NULL};
    pthread_mutex_init(&r->lock, NULL);
}

/* libfuse calls this in another thread, or at once. */
static void on_interrupt(fuse_req_t req, void *context)
{
    struct room_write *w = context;
    (void)req;
    __atomic_store_n(&w->interrupted, true, __ATOMIC_RELEASE);
    worker_wake(&w->room->worker);
}

/* Replies; with err -EINTR to a writer who has given up. */
static void write_end(struct room_write *w, int err)
{
    fuse_req_interrupt_func(w->req, NULL,
                            NULL); /* it waits for on_interrupt() */
    if (err == 0)
        fuse_reply_write(w->req, w->size);
    else if (err == -EINTR || err == -ENODEV)
        fuse_reply_err(w->req, -err);
    else
        reply_handle(w->req, err, w->h, &w->why);
    free(w->data);
    free(w);
}

/* Returns whether it waits on. */
static bool write_try(struct room_write *w, bool last)
{
    int err = last                                                 ? -ENODEV
              : __atomic_load_n(&w->interrupted, __ATOMIC_ACQUIRE) ? -EINTR
                                                                   : 0;
    if (err == 0) {
        w->why = (struct reason)REASON_INIT;
        err = handle_write(w->h, w->offset, w->data, w->size, &w->why);
        if (err == -ENOSPC && monotonic_now() < w->until)
            return true;
    }
    write_end(w, err);
    return false;
}

/* Tries all once, in the order in which they came. */
static void try_all(struct room *r, bool last)
{
    pthread_mutex_lock(&r->lock);
    r->closed |= last;
    struct room_write *all = r->first, **at = &all;
    r->first = NULL;
    pthread_mutex_unlock(&r->lock);
    int ended = 0;
    while (*at) {
        struct room_write *next = (*at)->next;
        bool waits = write_try(*at, last);
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

static struct room_write *write_new(struct room *r, fuse_req_t req,
                                    struct handle *h, const char *data,
                                    size_t size, uint64_t offset,
                                    const struct reason *why)
{
    struct room_write *w = xcalloc(1, sizeof *w);
    *w = (struct room_write){.room = r,
                             .req = req,
                             .h = h,
                             .data = xmalloc(size),
                             .size = size,
                             .offset = offset,
                             .why = *why,
                             .until = monotonic_now() + ROOM_SECONDS};
    memcpy(w->data, data, size);
    return w;
}

/* Adds it behind the others, if there may be one more. */
static bool room_add(struct room *r, struct room_write *w)
{
    pthread_mutex_lock(&r->lock);
    if (!r->worker.open && !r->closed)
        worker_open(&r->worker, room_run, r, NULL);
    bool may = r->worker.open && !r->closed && r->count < ROOM_WRITES;
    if (may) {
        struct room_write **at = &r->first;
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

bool room_await(struct room *r, fuse_req_t req, struct handle *h,
                const char *data, size_t size, uint64_t offset,
                const struct reason *why)
{
    if (!handle_awaits_room(h))
        return false;
    struct room_write *w = write_new(r, req, h, data, size, offset, why);
    if (room_add(r, w))
        return true;
    free(w->data);
    free(w);
    return false;
}
