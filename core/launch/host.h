/*
 * This host as a machine to train on: what `overview` tells of it. Looked at
 * every few seconds by the thread that watches the state, so that a reader
 * never waits for it.
 */
#ifndef PRIMO_HOST_H
#define PRIMO_HOST_H

#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>

struct machine_facts {
    char processor[100]; /* its name; "" = not known */
    char trainer[32];    /* version of primo-train; "" = it does not run */
    int cores;           /* that a training may have here; 0 = not known */
    uint64_t memory;     /* bytes, of the host or its cgroup; 0 = not known */
    double load;         /* over a minute, to a tenth; NAN = not known */
    int64_t changed;     /* ns */
};

struct host {
    pthread_mutex_t lock;
    struct machine_facts facts; /* under lock */
    double looked;              /* monotonic seconds; of the thread, as is */
    struct stat trainer;        /* the program that was asked last */
};

/* Life cycle */
void host_init(struct host *h);
void host_release(struct host *h);

/* Read: any thread */
void host_facts(struct host *h, struct machine_facts *out);

/* Change: what is due. `trainer` is the path of primo-train, which is asked
 * for its version when it is another one than before. One thread. */
void host_look(struct host *h, const char *trainer);

#endif
