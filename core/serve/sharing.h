/*
 * How the replicas of a service share its requests. Each request that waits is
 * with one replica at most, which was told of it and has not answered it yet.
 * Replicas take requests as they have room, the oldest first, so that a fast
 * one answers more of them than a slow one; what one has taken and cannot
 * answer it gives back, and another one takes it. A request may so be answered
 * twice, and answer_take() takes the first answer only.
 *
 * Nothing here is stored: a daemon that begins in the middle shares anew. Any
 * thread; each function takes the lock. A replica is known by its run, a
 * request by its revision, as in the index of those that wait
 * (core/inbox/request.h).
 */
#ifndef PRIMO_SHARING_H
#define PRIMO_SHARING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SHARE_MOST = 128, /* requests that are with one replica */
    SHARE_FIRST = 8,  /* the same of one among several, at first, … */
    SHARE_LEAST = 2,  /* … and where it is slow */
    LATENCIES = 256,
};

/* A request that a worker was told of. */
struct told_request {
    uint64_t request, revision;
};

/* A request that is with a replica. */
struct shared_request {
    struct told_request told;
    uint64_t run; /* of the replica */
    double since; /* monotonic seconds */
};

/* A request of which a worker has died alone, and the run that it was of. */
struct suspect {
    uint64_t revision, run;
};

struct share {
    uint64_t run;
    int window;   /* requests that may be with it */
    bool ready;   /* its worker can be told of requests now */
    bool stuck;   /* others had to take over what it has not answered */
    double heard; /* monotonic: when it was given the first of those that are
                     with it, or answered last */
};

struct sharing {
    pthread_mutex_t lock; /* guards all that follows */
    struct share *shares;
    size_t share_count, share_room;
    struct shared_request *out; /* requests that are with replicas */
    size_t out_count, out_room;
    uint64_t from; /* all that wait up to this revision are in `out` */
    /* A worker that died may have died of any request that was with it: up to
     * this revision each is told alone. */
    uint64_t alone_until;
    struct suspect *suspects;
    size_t suspect_count, suspect_room;
    double latencies[LATENCIES]; /* ms, a ring */
    unsigned latency_count;
    double rate_since;   /* monotonic, and */
    uint64_t rate_count; /* how many were answered since */
};

/* What was measured lately. */
struct sharing_speed {
    double median, most; /* ms to an answer: the median, and the 99th */
    double rate;         /* answers a second */
};

/* Life cycle */
void sharing_init(struct sharing *s);
void sharing_release(struct sharing *s);
/* A replica begins to take part, or ends, and gives back what is with it. */
void sharing_join(struct sharing *s, uint64_t run);
void sharing_leave(struct sharing *s, uint64_t run);

/* Read */

/* The revision behind which a replica looks for the next request to take. */
uint64_t sharing_from(struct sharing *s);
/* Whether a replica passes over a request that waits: it is with one already,
 * or the replica's worker has died of it and another one is ready. */
bool sharing_skips(struct sharing *s, uint64_t run, uint64_t revision);
/* How many requests are with a replica. */
int sharing_count(struct sharing *s, uint64_t run);
/* Whether several replicas take part. */
bool sharing_has_several(struct sharing *s);
bool sharing_others_ready(struct sharing *s, uint64_t run);
/* Whether another replica is ready and has room for more. */
bool sharing_others_have_room(struct sharing *s, uint64_t run);
/* For how many seconds the replica has owed an answer without giving any, also
 * one that another replica has taken over; 0 = it owes none, or is not ready.
 */
double sharing_silence(struct sharing *s, uint64_t run);
/* Whether the replica may take another request. One among several takes none
 * before it is ready. */
bool sharing_has_room(struct sharing *s, uint64_t run);

/* Change */

void sharing_set_ready(struct sharing *s, uint64_t run, bool ready);
/* It could not be heard until now: its silence begins anew. */
void sharing_excuse(struct sharing *s, uint64_t run);
/* The replica takes a request, the next one behind `from` that it did not have
 * to pass over. False: it has no room, or `from` is another by now, so that it
 * has to look again. */
bool sharing_take(struct sharing *s, uint64_t run, uint64_t from,
                  struct told_request request);
/* A replica that has nothing takes over a request that has been with another
 * one for so long that its worker may hang. That one is given no more until it
 * answers. Returns whether there is such a request. */
bool sharing_take_over(struct sharing *s, uint64_t run,
                       struct told_request *out);
/* The replica has answered. */
void sharing_answered(struct sharing *s, uint64_t run, uint64_t revision);
/* It gives back all that is with it. */
void sharing_give_back(struct sharing *s, uint64_t run);
/* Its worker has died, and it gives back all that was with it. Returns whether
 * *of is a request of which workers have died twice, alone. */
bool sharing_lost(struct sharing *s, uint64_t run, struct told_request *of);

/* Note an answer that has taken so many ms. */
void sharing_note(struct sharing *s, double ms);
/* What was measured since the last time; false = that is not long ago, or there
 * was no answer yet. */
bool sharing_measure(struct sharing *s, struct sharing_speed *out);

/* How many requests may be with a replica that had so many, and has answered
 * one in so many seconds: as many as it answers in about two. Pure. */
int share_window(int window, double seconds);

#endif
