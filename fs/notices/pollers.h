/*
 * Those who poll() files: told once of the next change of a node. Any thread.
 */
#ifndef PRIMO_POLLERS_H
#define PRIMO_POLLERS_H

#include "core/tree/tree.h"

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

struct poller;

struct pollers {
    pthread_mutex_t lock;
    struct poller *first; /* under lock */
};

/* Life cycle */
void pollers_init(struct pollers *p);
void pollers_clear(struct pollers *p); /* before the session is closed */

/* Change: one an open handle; takes the poll handle over */
void pollers_add(struct pollers *p, struct node node, const void *handle,
                 struct fuse_pollhandle *poll);
void pollers_forget(struct pollers *p, const void *handle);
void pollers_wake(struct pollers *p, struct node node);

#endif
