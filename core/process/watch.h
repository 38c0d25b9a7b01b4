/*
 * Watching one live process: its trainer is started, its journal followed, a
 * lost trainer started again, one that is to end asked to and then killed, and
 * what a trainer made is published. What is to be done is looked up in a table
 * of what the process wants and how its trainer is (watch.c).
 *
 * A struct watch belongs to one thread. It shares with the others only the
 * struct primo, and touches that through functions that guard themselves and
 * through the store, whose transactions are short: none is open while a
 * launcher is called.
 */
#ifndef PRIMO_WATCH_H
#define PRIMO_WATCH_H

#include "core/launch/launcher.h"
#include "core/process/process.h"
#include "core/state/primo.h"

/* What is known of a live run beyond its record. Times are monotonic seconds,
 * so that setting the clock neither delays a start nor shortens a stop. */
struct watch {
    struct primo *primo;
    struct launch_target target;
    uint64_t process, run;
    double not_before; /* when to start or publish again */
    int publish_tries;
    bool succeeded; /* its last word: the model is to be published */
    bool stop_asked;
    double stop_time; /* when it was asked, or killed last */
    int tail;         /* rounds of reading what a dead trainer has left */
};

/* Life cycle */

/* Watch the run of a live process. Where that cannot be, for its launcher is
 * not known, the process fails. */
int watch_open(struct watch *w, struct primo *primo, const struct process *p,
               struct reason *why);
void watch_release(struct watch *w);

/* Change: one round. In how many milliseconds the next one is due; -1 when
 * there is nothing to watch any more: the process is not live, is gone, or has
 * another run. */
int watch_round(struct watch *w);

#endif
