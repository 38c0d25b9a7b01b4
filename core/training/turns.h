/*
 * Whose turn it is: the queues of idle processes. Only the supervisor's first
 * thread calls this.
 */
#ifndef PRIMO_TURNS_H
#define PRIMO_TURNS_H

#include "core/state/primo.h"

/* Start what waits first in the queue of each process that is idle and enabled,
 * on a machine that is switched on and reached, as whoever has written the
 * line. A line that cannot be started is taken off, with its reason in
 * `events`; where the disk or the store is the reason, or a database of users
 * that does not answer, it stays, to be tried again. */
void turns_take(struct primo *primo);

#endif
