/*
 * Attending to the list of a service that is in work: one of the service's
 * machines answers it, the first that is within reach. Its worker is started
 * with the rights of who wrote the list, told how far it may go, and followed
 * through its journal. It may go on only while no single request waits. What is
 * to do is decided anew in each round from the records, so that a daemon that
 * begins in the middle goes on from there; a worker may be killed at any
 * moment.
 *
 * A struct list_watch belongs to one thread.
 */
#ifndef PRIMO_LIST_WATCH_H
#define PRIMO_LIST_WATCH_H

#include "core/inbox/answer.h"
#include "core/inbox/list.h"
#include "core/launch/launcher.h"

struct list_watch {
    struct primo *primo;
    uint64_t service;
    struct serving s;     /* as it was in this round */
    struct settings text; /* of the service, likewise */
    struct launch_target target;
    uint64_t target_run;       /* that of the replica that it is of, 0 = none */
    double away_since;         /* monotonic: when it was not reached first, 0 =
                                  it is reached */
    struct answer_model model; /* that which answers the list */
    uint64_t request;          /* the list in work; 0 = none */
    struct list list;          /* as it was in this round */
    uint64_t run;              /* the run that what follows is about */
    bool seen;                 /* its worker was alive in this daemon's time */
    bool told_begun;           /* it was told of the list by this daemon */
    bool heard;                /* it has said something since it was started */
    struct page_range pages;   /* that it was told of */
    uint64_t until;            /* how far it may go; 0 = it was not told */
    uint64_t batch_from;       /* a row with which a batch of it begins */
    double news_at;            /* monotonic: when it was started, or first
                                  heard, or allowed to go on, or there was a row
                                  last */
    double not_before;         /* monotonic: when it may be started again */
    uint64_t rate_rows;        /* rows at the time … */
    double rate_at, rate;      /* … of the last measurement; rows a second */
};

/* Life cycle */
void list_watch_open(struct list_watch *w, struct primo *primo,
                     uint64_t service);
void list_watch_release(struct list_watch *w);

/* Change: do one round. Returns in how many milliseconds the next one is due,
 * or -1 when there is nothing to attend to. */
int list_watch_round(struct list_watch *w);

#endif
