/*
 * This host as a machine to train on: what `overview` tells of it. One thread
 * looks at it every few seconds, so that those who read never wait for it.
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
    /* Only the thread that looks uses these. */
    double looked;       /* when, in monotonic seconds */
    struct stat trainer; /* the program that was asked last for its version */
};

/* Life cycle */
void host_init(struct host *h);
void host_release(struct host *h);

/* Read: any thread */
void host_facts(struct host *h, struct machine_facts *out);

/* Change: look again, where that is due. `trainer` is the path of primo-train,
 * which is asked for its version when the file is not the one that was asked
 * before. One thread. */
void host_look(struct host *h, const char *trainer);

#endif
