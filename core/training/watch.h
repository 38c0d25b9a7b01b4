/*
 * Watching one live process: a watch starts its trainer, follows the journal,
 * starts a lost trainer again, asks a trainer to stop and later kills it, and
 * publishes the model. What to do is looked up in a table of what the process
 * wants and the state of its trainer (watch.c).
 *
 * A struct watch belongs to one thread, besides the one that publishes for it.
 * It shares with the others only the struct primo, and touches that through
 * functions that guard themselves and through the store, whose transactions are
 * short: none is open while a launcher is called.
 */
#ifndef PRIMO_WATCH_H
#define PRIMO_WATCH_H

#include "core/launch/launcher.h"
#include "core/process/process.h"
#include "core/state/primo.h"
#include "core/training/follow.h"

/* What is known of a live run beyond its record. Times are monotonic seconds,
 * so that setting the clock neither delays a start nor shortens a stop. */
struct watch {
    struct primo *primo;
    struct launch_target target;
    uint64_t process, run;
    double not_before; /* the earliest time to start or publish again */
    struct follow_state journal;
    double follow_after;           /* the earliest time to read the journal */
    int follow_failures;           /* in a row */
    struct publishing *publishing; /* at work (watch.c); NULL = none is */
    int publish_tries;             /* failed tries so far */
    bool waiting_told; /* the record says that the run waits for room */
    bool ended;        /* by a verdict: a resumed run gets another watch */
    bool succeeded;    /* it has reported success: publish the model */
    bool stop_asked;
    double stop_time; /* when it was last asked to stop, or killed */
    int tail;         /* rounds spent reading what a dead trainer has left */
};

/* Life cycle */

/* Begin to watch the run of a live process. If that is impossible, for example
 * because its launcher is unknown, the process fails. */
int watch_open(struct watch *w, struct primo *primo, const struct process *p,
               struct reason *why);
void watch_release(struct watch *w);

/* Change: do one round. Returns in how many milliseconds the next one is due,
 * or -1 when there is nothing left to watch: the process is no longer live, was
 * removed, or has another run. */
int watch_round(struct watch *w);

#endif
