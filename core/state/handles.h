/*
 * The open handles, so that a change of attributes through a path reaches those
 * that have text to save, and that none is left behind. Any thread.
 */
#ifndef PRIMO_HANDLES_H
#define PRIMO_HANDLES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct handle;
struct primo;

struct handles {
    pthread_mutex_t lock;
    struct handle *first; /* under lock */
    int writing;          /* atomic: those that are open for writing */
    int closing; /* atomic: those that are being closed and saved, or may be */
    pthread_cond_t settled;
};

/* Wait for the closes of an object's handles that have begun: the kernel does
 * not, and who has emptied a file wants to see it empty. */
void handles_settle(struct primo *primo, uint64_t object);
/* Whether somebody has it open for writing. */
bool handles_write(struct primo *primo, uint64_t object);
/* Tell the handles that have text to save which time it gets. */
void handles_set_mtime(struct primo *primo, uint64_t object, int64_t mtime);

#endif
