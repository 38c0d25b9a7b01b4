/*
 * Actions: what touching or writing start, stop or resume does, in a thread of
 * its own; and by that, when the kernel may keep the name of a status.
 *
 * While no training of a process is live, nothing but an action changes its
 * status. So the kernel may then keep where that name leads, and answers `stat`
 * of it by itself. Before an action it is made to forget that, and until the
 * action is done no name is given to be kept; a look-up that is being answered
 * just then is waited for. So nobody ever sees an old status.
 *
 * Making the kernel forget a name waits for those who search the directory at
 * that moment, and they wait for the threads that answer requests: it must be
 * done by a thread that answers none, without a lock that those take.
 */
#ifndef PRIMO_ACTIONS_H
#define PRIMO_ACTIONS_H

#include "core/tree/tree.h"

struct fuse_session;
struct action; /* one that is to be done */

struct actions {
    struct primo *primo;          /* not owned */
    struct fuse_session *session; /* set before the first request */
    pthread_t thread;
    pthread_rwlock_t names; /* held for reading while a name is given */
    bool acting;            /* under names */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct action *first, **last; /* under lock: to be done, in order */
    bool end;                     /* under lock */
};

/* Life cycle; start: -errno with a reason. stop does what is left to do. */
int actions_start(struct actions *a, struct primo *primo, struct reason *why);
void actions_stop(struct actions *a);

/* Have the thread call act(context), which replies, for a node whose shape
 * acts. */
void actions_add(struct actions *a, struct node n, void (*act)(void *context),
                 void *context);

/* Around answering a look-up of a polled text: whether the kernel may keep the
 * name until the next action. */
bool actions_names_begin(struct actions *a, struct node n);
void actions_names_end(struct actions *a);

#endif
