/*
 * Objects that live in memory only: scratch files (names that editors and
 * copy tools use for a moment) and new input files that have not been closed
 * yet. Each user may have so many, and so many bytes in them, as usage.h says;
 * they count as their owner's. Gone at the next mount. Any thread.
 */
#ifndef PRIMO_SCRATCH_H
#define PRIMO_SCRATCH_H

#include "core/store/object.h"
#include "core/usage/usage.h"

enum { SCRATCH_FILE_SIZE = 1 << 20 }; /* bytes each */

struct scratch {
    struct usage *usage; /* not owned */
    pthread_mutex_t lock;
    struct object **list; /* under lock */
    size_t count, room;   /* under lock */
};

/* Life cycle */
void scratch_init(struct scratch *s, struct usage *usage);
void scratch_release(struct scratch *s);

/* Read: copies; 0 or -ENOENT without a sentence */
int scratch_get(struct scratch *s, uint64_t id, struct object *out);
int scratch_find(struct scratch *s, uint64_t parent, const char *name,
                 struct object *out);
/* Does for scratch files what object_twin() of object.h does for others. */
int scratch_twin(struct scratch *s, uint64_t parent, const char *name,
                 const char *except, char *twin);
/* Find the child of `parent` with the smallest id above `after`. */
int scratch_next(struct scratch *s, uint64_t parent, uint64_t after,
                 struct object *out);

/* Change */

/* Add an object, or replace the one with its id. ENOSPC past a bound. */
int scratch_put(struct scratch *s, const struct object *o, struct reason *why);
/* Does nothing where it is not there. */
void scratch_drop(struct scratch *s, uint64_t id);

#endif
