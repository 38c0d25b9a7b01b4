/*
 * Writes that wait for room. Where the disk is full, the first write of a
 * request in inference/SERVICE/in/ is not refused at once: answers that are
 * over make room. The kernel's request is put away and tried again until there
 * is room, ROOM_SECONDS are over, or the writer gives up; no thread of the loop
 * is held, and nothing else waits. Any thread.
 */
#ifndef PRIMO_ROOM_H
#define PRIMO_ROOM_H

#define FUSE_USE_VERSION 314

#include "core/basic/reason.h"
#include "core/system/worker.h"
#include "core/tree/handle.h"

#include <fuse3/fuse_lowlevel.h>

enum {
    ROOM_SECONDS = 30,
    ROOM_WRITES = 64, /* at a time; those beyond are refused at once */
};

struct room_write;
struct room {
    pthread_mutex_t lock;
    struct worker worker;     /* open from the first write on */
    struct room_write *first; /* under lock, as are these */
    int count;
    bool closed;
};

/* Life cycle. room_close() refuses what waits; a second call does nothing. */
void room_init(struct room *r);
void room_close(struct room *r);

/* Put away a write that has failed with `why`; the request is replied to later.
 * False = it is to be refused now. */
bool room_await(struct room *r, fuse_req_t req, struct handle *h,
                const char *data, size_t size, uint64_t offset,
                const struct reason *why);

#endif
