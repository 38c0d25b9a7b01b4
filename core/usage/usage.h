/*
 * How much each user makes the daemon hold, and how much he may.
 *
 * Whatever a user without privileges can make the daemon keep in memory, or
 * keep open, is taken here before it is kept, and given back afterwards. The
 * rule is one for all resources: a user may hold at most as much as is left
 * for others. So one user alone gets half of a resource, two who take all they
 * can get a third each, and so on; somebody who comes later always finds room,
 * whatever those before him have done. A part of each resource is reserved for
 * the administrator (root, and who mounted), who may take all that is left, so
 * that he can always look, stop and remove.
 *
 * The resources, each with its amount for all users together, of which an
 * eighth is reserved:
 *
 *   open files       16384: each costs about 2 KiB of memory
 *   descriptors      those that the process may have, without its own 256, and
 *                    no more than there are open files. Files of models and
 *                    bases take one for each file and user (bodies.h).
 *   texts            128 MiB of what open files show or stage; equal texts of
 *                    one user count once (texts.h)
 *   scratch files    1024, new files that were not saved yet among them
 *   scratch bytes    32 MiB in those
 *
 * What the kernel knows without an open file, the states of generated texts,
 * cannot be told by user: fs/notices/states.h bounds what is kept of each.
 * Refusals are never refused room: refusals.h takes it from whoever has most.
 *
 * Any thread.
 */
#ifndef PRIMO_USAGE_H
#define PRIMO_USAGE_H

#include "core/basic/reason.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

enum resource {
    USAGE_OPENS,
    USAGE_DESCRIPTORS,
    USAGE_TEXTS, /* bytes */
    USAGE_SCRATCH_FILES,
    USAGE_SCRATCH_BYTES,
    USAGE_RESOURCES
};

struct user_usage;

struct usage {
    const uid_t *owner; /* who mounted; not owned */
    pthread_mutex_t lock;
    uint64_t all[USAGE_RESOURCES];   /* how much there is */
    uint64_t total[USAGE_RESOURCES]; /* under lock: taken by all users */
    struct user_usage *first;        /* under lock: those who hold something */
};

/* Life cycle */

/* Lets the process have as many descriptors as it may, up to what is needed. */
void usage_init(struct usage *u, const uid_t *owner);
void usage_release(struct usage *u);

/* Read */

/* How much a user holds. */
uint64_t usage_of(struct usage *u, uid_t user, enum resource what);

/* Change */

/* ENFILE, ENOMEM or ENOSPC, as the resource has it, with a sentence that says
 * how much the user may have at this time; nothing is taken then. */
int usage_take(struct usage *u, uid_t user, enum resource what, uint64_t amount,
               struct reason *why);
/* Give back; at most what was taken. */
void usage_give(struct usage *u, uid_t user, enum resource what,
                uint64_t amount);
/* Take or give the difference; fails only where `now` is more than `before`. */
int usage_change(struct usage *u, uid_t user, enum resource what,
                 uint64_t before, uint64_t now, struct reason *why);

#endif
