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

/* One change; lives as long as commit_run(). Its functions are called under
 * primo->change, by any of those who wait. */
struct commit {
    /* Whether it may be made; *due = by a transaction. */
    int (*judge)(struct commit *c, bool *due, struct reason *why);
    /* Write it; once more after a transaction that failed. */
    int (*write)(struct commit *c, struct store_txn *txn, struct reason *why);
    void (*done)(struct commit *c); /* it is durable */
    void *context;
    /* of commit.c */
    bool due, ended;
    int err;
    struct reason why;
    struct commit *next; /* under commits.lock, then of who leads */
};

struct commits {
    struct store *store;     /* not owned */
    pthread_mutex_t *change; /* held while changes are made; not owned */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct commit *first, **last; /* under lock: those that wait */
    bool led;                     /* under lock: somebody commits */
};

void commits_init(struct commits *all, pthread_mutex_t *change);
/* Returns when the change is durable, or was refused. */
int commit_run(struct commits *all, struct commit *c, struct reason *why);

#endif
