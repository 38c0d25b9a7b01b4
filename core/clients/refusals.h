/*
 * The file `errors`: the last refusals with their reasons. Every user reads
 * his own, the administrator reads all. Kept in memory, where a full disk
 * can't reach it, and saved to the store now and then. It only grows within a
 * mount, up to a bound for all users together. Past it the oldest refusals of
 * those who have most go, so that nobody wipes another's. Any thread.
 */
#ifndef PRIMO_REFUSALS_H
#define PRIMO_REFUSALS_H

#include "core/basic/reason.h"
#include "core/basic/text.h"
#include "core/store/store.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

enum { REFUSALS_BYTES = 256 << 10 };

struct refusal {
    int64_t time;  /* ns */
    uint32_t user; /* who was refused */
    uint32_t size; /* bytes of its part of the text */
};

/* A name that was not there, and why. A look-up is also the first step of
 * making that name, and of many a look around: it becomes a refusal only if
 * the name is not made at once. */
struct missed {
    uid_t user;
    int64_t time; /* ns; 0 = none */
    char *what;
    struct text record; /* as it would be in the file */
};
enum { MISSED = 8 };

struct refusals {
    pthread_mutex_t lock; /* guards all below */
    struct missed missed[MISSED];
    struct refusal *list; /* the oldest first */
    size_t count, room;
    struct text text; /* the texts of all refusals, in that order */
    int64_t opened;   /* ns; an empty file has this time */
    bool dirty;       /* not saved yet */
};

/* Life cycle */
void refusals_init(struct refusals *r);
void refusals_release(struct refusals *r);
void refusals_load(struct refusals *r, struct store *s);
int refusals_save(struct refusals *r, struct store *s, struct reason *why);

/* Read; `user` NULL = those of all */
size_t refusals_size(struct refusals *r, const uid_t *user, int64_t *mtime);
/* Append to *out up to `size` bytes of the file, from `offset` on. */
void refusals_read(struct refusals *r, const uid_t *user, size_t offset,
                   size_t size, struct text *out);

/* Change */
/* Note that a name is not there, `what` as below. */
void refusals_miss(struct refusals *r, uid_t user, const char *what,
                   const struct reason *why);
/* Forget that: the name was made. */
void refusals_made(struct refusals *r, const char *what);
/* `what` is the file's path below the mount point. */
void refusals_add(struct refusals *r, uid_t user, const char *what,
                  const struct reason *why);

#endif
