/*
 * The file `errors`: the last refusals with their reasons. Kept in memory,
 * where a full disk can't reach it, and saved to the store now and then. It
 * only grows within a mount, up to a bound, past which its oldest half goes.
 * Any thread.
 */
#ifndef PRIMO_REFUSALS_H
#define PRIMO_REFUSALS_H

#include "reason.h"
#include "store.h"
#include "text.h"

#include <pthread.h>
#include <sys/types.h>

enum { REFUSALS_BYTES = 256 << 10 };

struct refusals {
    pthread_mutex_t lock;
    struct text text; /* under lock */
    int64_t mtime;    /* under lock, ns */
    bool dirty;       /* under lock: not saved yet */
};

/* Life cycle */
void refusals_init(struct refusals *r);
void refusals_release(struct refusals *r);
void refusals_load(struct refusals *r, struct store *s);
int refusals_save(struct refusals *r, struct store *s, struct reason *why);

/* Read */
size_t refusals_size(struct refusals *r, int64_t *mtime);
/* Append up to `size` bytes from `offset` on to *out. */
void refusals_read(struct refusals *r, size_t offset, size_t size,
                   struct text *out);

/* Change */
/* `what` is the file's path below the mount point. */
void refusals_add(struct refusals *r, uid_t user, const char *what,
                  const struct reason *why);

#endif
