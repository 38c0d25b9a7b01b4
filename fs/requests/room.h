/*
 * Requests of the kernel that wait for room. In inference/SERVICE/in/, the
 * first write of a request is not refused at once where the disk is full, as
 * answers that are over make room; nor is the making of a file where its user
 * has too many that are not saved yet, as closes that are on their way save
 * them. The kernel's request is put away and tried again until there is room,
 * the time of its kind is over, or the program gives up; no thread of the loop
 * is held. Any thread.
 */
#ifndef PRIMO_ROOM_H
#define PRIMO_ROOM_H

#define FUSE_USE_VERSION 314

#include "core/basic/reason.h"
#include "core/system/worker.h"

#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>

enum {
    ROOM_WAITS = 64, /* at a time; those beyond are refused at once */
};

/* What waits. */
struct room_kind {
    int seconds; /* how long it waits at most */
    /* Does it. -ENOSPC: there is no room yet. */
    int (*try)(void *context, struct reason *why);
    /* Replies to the kernel's request; with -EINTR to one who has given up, and
     * -ENODEV where all ends. Releases the context. */
    void (*end)(void *context, int err, const struct reason *why);
};

struct room_wait;
struct room {
    pthread_mutex_t lock;
    struct worker worker;    /* open from the first one that waits on */
    struct room_wait *first; /* under lock, as are these */
    int count;
    bool closed;
};

/* Life cycle. room_close() refuses what waits; a second call does nothing. */
void room_init(struct room *r);
void room_close(struct room *r);

/* Put away a request that has failed with `why`; its context belongs to the
 * room then. False = it is to be refused now. */
bool room_await(struct room *r, fuse_req_t req, const struct room_kind *kind,
                void *context, const struct reason *why);

#endif
