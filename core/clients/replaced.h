/*
 * Inputs that were replaced: another file has been renamed over them. Whoever
 * had found such a file by its name a moment before opens it yet, or asks for
 * its attributes, and so gets the old file as from any file system, instead of
 * an error about a name that is there all the time. Only the last ones are
 * kept, in memory: a request takes far less time to arrive than as many
 * renamings take. Any thread.
 */
#ifndef PRIMO_REPLACED_H
#define PRIMO_REPLACED_H

#include "core/store/object.h"

enum {
    REPLACED_FILES = 1024,
    REPLACED_BYTES = 4 << 20, /* of texts together */
};

struct replaced {
    pthread_mutex_t lock;
    struct object *ring; /* under lock: REPLACED_FILES, or NULL */
    size_t first, count; /* under lock: the oldest, and how many there are */
    size_t bytes;        /* under lock */
};

/* Life cycle */
void replaced_init(struct replaced *r);
void replaced_release(struct replaced *r);

/* Read: a copy; 0 or -ENOENT without a sentence */
int replaced_get(struct replaced *r, uint64_t id, struct object *out);

/* Change */

/* Keep a copy, before the object goes, so that there is no gap. */
void replaced_keep(struct replaced *r, const struct object *o);
/* Forget the last one that was kept, as the object did not go. The caller holds
 * primo->change from before it was kept. */
void replaced_undo(struct replaced *r);

#endif
