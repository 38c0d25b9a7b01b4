/*
 * This host as a machine to train on: what `overview` shows of it. One thread
 * gathers the facts every few seconds, so that a reader never waits for them.
 */
#ifndef PRIMO_HOST_H
#define PRIMO_HOST_H

#include "core/launch/launcher.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>

struct host {
    pthread_mutex_t lock;
    struct machine_facts facts; /* under lock */
    /* Only the thread that calls host_look() uses these. */
    double looked;       /* when it last looked, in monotonic seconds */
    struct stat trainer; /* the program that was last asked for its version */
};

/* Life cycle */
void host_init(struct host *h);
void host_release(struct host *h);

/* Read: any thread */
void host_facts(struct host *h, struct machine_facts *out);

/* Change: gather the facts again, if that is due. `trainer` is the path of
 * primo-train, which is asked for its version when the file is another one than
 * before. Always the same thread. */
void host_look(struct host *h, const char *trainer);

#endif
