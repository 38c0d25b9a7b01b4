/*
 * Finds what has changed in processes and events since the last look, for those
 * who tell others of it. A struct changes belongs to one thread.
 */
#ifndef PRIMO_CHANGES_H
#define PRIMO_CHANGES_H

#include "core/state/primo.h"

/* Which file has changed. The rows of the tree say which change is theirs. */
enum change_text {
    CHANGE_NONE, /* in a row: nobody is told when the file changes */
    CHANGE_STATUS,
    CHANGE_METRICS,
    CHANGE_LOG,
    CHANGE_EVENTS, /* not a file of a process */
    CHANGE_TEXTS
};

struct process_change {
    uint64_t process;
    uint64_t model; /* the version that has come out, 0 = none */
    bool texts[CHANGE_TEXTS];
};

struct changes { /* zeroed: nobody has looked yet */
    struct known *known;
    size_t known_count, known_room;
    uint64_t events_size;
};

/* Life cycle */
void changes_release(struct changes *c);

/* Change */

/* Call `each` (NULL = nobody is told) for each process that has changed, once
 * the transaction has ended; append the new events to *news. Returns whether
 * there are any. */
bool changes_look(struct changes *c, struct primo *primo,
                  void (*each)(void *context,
                               const struct process_change *change),
                  void *context, struct text *news);

#endif
