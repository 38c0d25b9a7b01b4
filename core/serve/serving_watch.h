/*
 * Attending to one replica of a live service: its worker is started when there
 * is something to answer that no other one has room for, told of requests and
 * models (core/report/told_line.h), followed through its journal, asked to
 * leave memory when it is idle, and started again when it has died. What to do
 * is decided anew in each round from the record of the service, the requests
 * that wait, and whether the worker is alive; so a daemon that begins in the
 * middle goes on from there.
 *
 * A struct serving_watch belongs to one thread.
 */
#ifndef PRIMO_SERVING_WATCH_H
#define PRIMO_SERVING_WATCH_H

#include "core/inbox/answer.h"
#include "core/launch/launcher.h"
#include "core/serve/sharing.h"

struct serving_watch {
    struct primo *primo;
    struct launch_target target;
    struct sharing *sharing; /* of all replicas of the service */
    uint64_t service, run;
    struct settings text;       /* of the service, as it was in this round */
    struct answer_model model;  /* that which answers; version 0 = none yet */
    struct answer_model before; /* the one before it, which may still answer */
    uint64_t given;             /* the version that the worker was told of */
    int given_top;
    struct page_range given_pages;
    unsigned told;     /* the file of requests that this daemon writes */
    bool told_begun;   /* the record has its number */
    bool told_in_vain; /* what was told last may not have been heard */
    double tell_after; /* monotonic: when the worker may be told again */
    double last_used;  /* monotonic: when there was something to answer last */
    double not_before; /* monotonic: when a worker may be started again */
    double stop_time;  /* monotonic: when it was asked to stop, 0 = not yet */
    bool ended;        /* the worker has said that it ends */
    bool died;         /* it has died, and none was started since */
    bool over;
};

/* Life cycle: from the first to the last the replica takes part in *sharing. */
int serving_watch_open(struct serving_watch *w, struct primo *primo,
                       const struct serving *s, const struct replica *r,
                       struct sharing *sharing);
void serving_watch_release(struct serving_watch *w);

/* Change: do one round. Returns in how many milliseconds the next one is due,
 * or -1 when the service is no longer live. */
int serving_watch_round(struct serving_watch *w);

#endif
