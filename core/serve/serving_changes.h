/*
 * Finds what has changed in inference/ since the last look, for those who tell
 * others of it, as core/process/changes.h does in processes/. A struct
 * serving_changes belongs to one thread.
 */
#ifndef PRIMO_SERVING_CHANGES_H
#define PRIMO_SERVING_CHANGES_H

#include "core/state/primo.h"

struct serving_change {
    uint64_t service;
    bool status, log, results;
};

struct serving_changes { /* zeroed: nobody has looked yet */
    struct known_serving *known;
    size_t count, room;
};

/* Life cycle */
void serving_changes_release(struct serving_changes *c);

/* Call `each` (NULL = nobody is told) for each service that has changed, once
 * the transaction has ended. */
void serving_changes_look(struct serving_changes *c, struct primo *primo,
                          void (*each)(void *context,
                                       const struct serving_change *change),
                          void *context);

#endif
