#include "core/state/commit.h"

#include "core/store/store.h"

void commits_init(struct commits *all, pthread_mutex_t *change)
{
    *all = (struct commits){.change = change};
    all->last = &all->first;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->ended, NULL);
}

/* Takes all changes off the queue. The caller holds commits.lock. */
static struct commit *take_all(struct commits *all)
{
    struct commit *first = all->first;
    all->first = NULL;
    all->last = &all->first;
    return first;
}

/* Writes the changes of the list up to `end` that are due, in one
 * transaction. */
static int write_all(struct store *store, struct commit *first,
                     const struct commit *end, struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(store, true, &txn, why);
    if (err)
        return err;
    for (struct commit *c = first; c != end && err == 0; c = c->next)
        err = c->due ? c->write(c, txn, why) : 0;
    return store_end(txn, err, why);
}

/* Makes all changes of a list. The caller holds commits.change. */
static void make_all(struct store *store, struct commit *first)
{
    unsigned due = 0;
    for (struct commit *c = first; c; c = c->next) {
        c->err = c->judge(c, &c->due, &c->why);
        c->due &= c->err == 0;
        due += c->due;
    }
    bool together = due > 1 && write_all(store, first, NULL, NULL) == 0;
    for (struct commit *c = first; c; c = c->next) {
        if (c->due && !together)
            c->err = write_all(store, c, c->next, &c->why);
        if (c->due && c->err == 0)
            c->done(c);
    }
}

/* Makes what is queued, as the leader. The caller holds commits.lock, which is
 * released while changes are made, so that others can queue behind. */
static void lead(struct commits *all)
{
    all->led = true;
    pthread_mutex_unlock(&all->lock);
    pthread_mutex_lock(all->change);
    pthread_mutex_lock(&all->lock);
    struct commit *first = take_all(all);
    pthread_mutex_unlock(&all->lock);
    make_all(all->store, first);
    pthread_mutex_unlock(all->change);
    pthread_mutex_lock(&all->lock);
    for (struct commit *c = first, *next; c; c = next) {
        next = c->next;
        c->ended = true;
    }
    all->led = false;
    pthread_cond_broadcast(&all->ended);
}

int commit_run(struct commits *all, struct commit *c, struct reason *why)
{
    pthread_mutex_lock(&all->lock);
    *all->last = c;
    all->last = &c->next;
    while (!c->ended && all->led)
        pthread_cond_wait(&all->ended, &all->lock);
    if (!c->ended)
        lead(all);
    pthread_mutex_unlock(&all->lock);
    if (c->err && why)
        *why = c->why;
    return c->err;
}
