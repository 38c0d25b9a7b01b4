/*
 * Descriptors of the files of models and bases, which never change: a user who
 * opens one of them again and again takes one descriptor, which counts as his
 * (usage.h). Any thread.
 */
#ifndef PRIMO_BODIES_H
#define PRIMO_BODIES_H

#include "core/usage/usage.h"

/* Names a file: `name` in the folder of an object, or the object's body. */
struct body_key {
    uid_t user; /* who opens it */
    uint64_t object;
    const char *name; /* a constant; "" = the body of a base */
};

struct open_body {
    struct body_key key;
    int fd;
    unsigned holds;         /* under bodies.lock */
    struct open_body *next; /* under bodies.lock: the next one in its bucket */
};

enum { BODIES_BUCKETS = 256 };

struct bodies {
    struct usage *usage; /* not owned */
    pthread_mutex_t lock;
    struct open_body *bucket[BODIES_BUCKETS]; /* under lock */
};

/* Life cycle; every body was dropped before bodies_release() */
void bodies_init(struct bodies *b, struct usage *usage);
void bodies_release(struct bodies *b);

/* Find a file that is open already, and hold it once more; NULL where it is not
 * open. */
struct open_body *bodies_find(struct bodies *b, const struct body_key *key);
/* Hold a file that was just opened; `fd` belongs to it from then on. On failure
 * (ENFILE) the descriptor is closed. */
int bodies_add(struct bodies *b, const struct body_key *key, int fd,
               struct open_body **out, struct reason *why);
void bodies_drop(struct bodies *b, struct open_body *body); /* NULL = nothing */

#endif
