/*
 * Changes that become durable together. A transaction costs two syncs, however
 * much it changes: so whoever comes while another waits for the disk joins a
 * queue, and the first of those there makes all their changes in one
 * transaction as soon as the disk is free again. Nobody waits for company.
 *
 * Each has a result of its own. One that is refused leaves the others alone;
 * where the common transaction fails (a full disk), each is tried in one of its
 * own. Any thread; not within a write transaction, nor under primo->change.
 */
#ifndef PRIMO_COMMIT_H
#define PRIMO_COMMIT_H

#include "core/basic/reason.h"

#include <pthread.h>
#include <stdbool.h>

struct store;
struct store_txn;

/* One change. It lives as long as the call of commit_run(). Its functions are
 * called with commits.change held, in the thread of any of the callers that
 * wait. */
struct commit {
    /* Whether the change may be made. Sets *due where that takes a
     * transaction. */
    int (*judge)(struct commit *c, bool *due, struct reason *why);
    /* Writes the change. Called once more where the common transaction has
     * failed. */
    int (*write)(struct commit *c, struct store_txn *txn, struct reason *why);
    void (*done)(struct commit *c); /* called once the change is durable */
    void *context;
    /* what only commit.c uses */
    bool due, ended;
    int err;
    struct reason why;
    struct commit *next; /* under commits.lock while it is queued; then only the
                            leader uses it */
};

struct commits {
    struct store *store;     /* not owned */
    pthread_mutex_t *change; /* held while changes are made; not owned */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct commit *first, **last; /* under lock: the queue */
    bool led;                     /* under lock: a leader is making changes */
};

void commits_init(struct commits *all, pthread_mutex_t *change);
/* Make a change. Returns when it is durable, or was refused. */
int commit_run(struct commits *all, struct commit *c, struct reason *why);

#endif
