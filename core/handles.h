/*
 * The open handles, so that a change of attributes through a path reaches those
 * that have text to save, and that none is left behind. Any thread.
 */
#ifndef PRIMO_HANDLES_H
#define PRIMO_HANDLES_H

#include <pthread.h>

struct handle;

struct handles {
    pthread_mutex_t lock;
    struct handle *first; /* under lock */
    int writing;          /* atomic: those that are open for writing */
    int closing; /* atomic: those that are being closed and saved, or may be */
    pthread_cond_t settled;
};

#endif
