/*
 * Links to other hosts: for each machine that ssh leads to, one connection that
 * is held, over which requests go to `primo-train --far` there (far.h). A
 * thread of the link's own connects, copies the program where it is not there,
 * asks for facts every few seconds, and connects again after a loss; nobody
 * else ever waits for that. Whoever asks meanwhile is told -EHOSTUNREACH at
 * once, or -EINPROGRESS while the first attempt is not decided yet.
 *
 * Requests come from any thread, one at a time. An answer that is not wholly
 * there in time (link.c) is the end of the connection.
 */
#ifndef PRIMO_FAR_LINK_H
#define PRIMO_FAR_LINK_H

#include "core/far/bundle.h"
#include "core/far/protocol.h"
#include "core/launch/launcher.h"
#include "core/system/worker.h"

#include <pthread.h>

struct link_set; /* all links of a site */

/* A connection that is being made, or is there. */
struct wire {
    int fd;       /* to ssh, both ways; -1 = there is none */
    int words;    /* what ssh says on standard error, in memory */
    pid_t pid;    /* of ssh */
    double until; /* monotonic: when all that is asked must be there */
    const _Atomic bool *ending; /* that of the set */
};

/* What of a run was learnt just now, so that it is not asked ten times a
 * second. Only the thread that deals with the run uses it. */
struct link_run {
    uint64_t run;
    double alive; /* monotonic: when its trainer was last seen alive */
    struct {
        uint64_t segment, offset;
        double asked; /* when nothing more was there; 0 = never */
        int err;
    } quiet[2];
    uint64_t job;  /* Slurm's number, 0 = none is known; likewise */
    uint64_t gone; /* a job of which the queue said that it has ended */
    double noted;  /* monotonic: since when; under the link's lock */
    struct copying *copying; /* its data set (dataset.h); NULL = none is made */
    char copied[200]; /* how far it is, for people; under the link's lock */
    struct link_run *next;
};

struct link {
    char *host, *directory, *trainer; /* what the machine's file says */
    struct link_set *set;
    struct worker worker;
    struct bundle bundle; /* only the link's own thread uses it */

    pthread_mutex_t io; /* held during a request, and guards: */
    struct wire wire;

    /* Held, before io, while a run is started, or told to stop by who sweeps:
     * so that a stop that was meant for an earlier trainer never comes after
     * the start. */
    pthread_mutex_t telling;

    pthread_mutex_t lock; /* never held while something waits; guards: */
    bool awake; /* the thread runs; it does while the machine is wanted */
    struct machine_facts facts;
    bool swept;     /* its runs, since it was connected */
    int attempts;   /* to connect that have been decided */
    double wanted;  /* monotonic: when somebody last asked for the machine */
    double awaited; /* monotonic: when a job was last asked for */
    double queued;  /* monotonic: when the queue was last asked for */
    double queue_known;    /* and when it was asked for what is known of it */
    struct text queue;     /* its lines: RUN|JOB|STATE|REASON|START|NODES */
    char queue_fault[400]; /* why these are old, "" = they are not */
    struct link_run *runs;

    struct link *next; /* under the set's lock; links stay until the end */
};

/* Life cycle */
/* `queues`: behind the hosts is a queue of jobs; a machine without a host is
 * this one. */
struct link_set *link_set_new(const struct launch_site *site, bool queues);
/* Say what the state directory is called, if no file beside the runs does. */
void link_set_name(struct link_set *set, const char *id);
/* The mount ends: from now on, who asks is told EINPROGRESS, at once. */
void link_set_end(struct link_set *set);
void link_set_free(struct link_set *set); /* no other thread uses it */

/* The link of a machine. It is made where there is none, which waits for
 * nothing. */
struct link *link_of(const struct launch_target *target);
struct link *link_first(struct link_set *set);
struct link *link_next(struct link *l);

/* Read; never waits */
void link_facts(struct link *l, struct machine_facts *out);
struct link_run *link_run(struct link *l, uint64_t run);
/* Whether the machine is reached, and its runs were not swept since. */
bool link_unswept(struct link *l);

/* What the queue says of a job; false = it was asked since the run had this
 * job, and says nothing. */
struct link_job {
    char state[24], reason[80], start[24], nodes[80]; /* "" = not known */
};
bool link_job(struct link *l, struct link_run *r, struct link_job *out);
/* The number of the job of a run, 0 = none is known. `fault` says why what the
 * queue says is old, "" = it is not. */
uint64_t link_job_number(struct link *l, struct link_run *r, char *fault,
                         size_t size);

/* Change */

/* Note that a run has this job of Slurm's, for which somebody asks. */
void link_set_job(struct link *l, struct link_run *r, uint64_t job);
/* Say that the machine is wanted: for a minute, the link is held. */
void link_want(struct link *l);
void link_set_swept(struct link *l);
/* Ask. *in needs no size: that of `bytes`, which may be NULL. The answer's
 * bytes are appended to *said, which may be NULL. Fails with what the far side
 * refuses, or EHOSTUNREACH or EINPROGRESS with the reason. */
int link_ask(struct link *l, struct far_line *in, const struct text *bytes,
             struct far_line *out, struct text *said, struct reason *why);

#endif
