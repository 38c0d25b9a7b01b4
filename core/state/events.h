/*
 * The file `events`: what happened, a line each. Any thread.
 */
#ifndef PRIMO_EVENTS_H
#define PRIMO_EVENTS_H

#include "core/store/stream.h"

#include <sys/types.h>

#define EVENTS ((struct stream){0, 'e'})

enum { EVENTS_MOST = 4 << 20 }; /* bytes; past them the older half is dropped */

/* The time of the last event, as its line has it, in ns; 0 = there is none. */
int64_t events_time(struct store_txn *txn);

/* Append a line "TIME USER OBJECT WHAT" within the caller's transaction. */
int event_add(struct store_txn *txn, uid_t user, const char *object,
              struct reason *why, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
