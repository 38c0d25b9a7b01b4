/*
 * The open handles, so that a change of attributes through a path reaches those
 * that have text to save, and that none is left behind. Any thread.
 */
#ifndef PRIMO_HANDLES_H
#define PRIMO_HANDLES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* What the list knows of an open handle. It is the first member of a struct
 * handle. */
struct opened {
    uint64_t object;
    bool writes;
    int64_t mtime;   /* atomic: the time that its text gets when it is saved */
    int64_t size;    /* atomic: how long its file is by what was written
                        through it, where that can be seen before it is saved;
                        0 = not */
    uint64_t keeps;  /* atomic: the bytes that it still writes although their
                        file is saved with them; 0 = none */
    int64_t flushed; /* atomic: monotonic ns until which its last close may be
                        on its way, as it was flushed; 0 = it is not */
    /* under handles.lock: whether it is being saved for the last time;
     * monotonic ns until which that may be about to begin, 0 = it is not; and
     * which of all closes it is */
    bool closing;
    bool ended; /* under handles.lock: all that it had is saved */
    int64_t may_close;
    uint64_t close_number;
    struct opened *next, *before; /* under handles.lock */
};

struct handles {
    pthread_mutex_t lock;
    struct opened *first; /* under lock */
    int writing;          /* atomic: how many handles are open for writing */
    int closing; /* atomic: how many are being saved for the last time, or may
                    be about to be */
    pthread_cond_t settled;
    uint64_t closes; /* under lock: the number of the close that began last */
};

/* Life cycle */
void handles_init(struct handles *all);
void handles_add(struct handles *all, struct opened *h);
void handles_remove(struct handles *all, struct opened *h);

/* Read */

/* Whether somebody has the object open for writing. */
bool handles_write(struct handles *all, uint64_t object);
/* Whether another one than this has its file open for writing, and has not
 * ended. */
bool handles_others_write(struct handles *all, const struct opened *but);
/* Whether a handle of the object still writes these bytes (struct opened). */
bool handles_keep(struct handles *all, uint64_t object, uint64_t bytes);

/* The size, above 0, and the time that an open handle gives the object, if one
 * does (struct opened). */
bool handles_written(struct handles *all, uint64_t object, uint64_t *size,
                     int64_t *mtime);

/* Change */

/* Wait for those closes of an object's handles that began before this call: the
 * kernel does not wait for them, and whoever has emptied a file wants to see it
 * empty. Closes that begin meanwhile are not waited for, so that nobody can
 * make this last by closing again and again. */
void handles_settle(struct handles *all, uint64_t object);
/* Wait for those closes of an object's handles that have begun, and for those
 * that are on their way: the kernel tells of a close after close() has
 * returned, so that a rename may overtake it. A handle that is flushed and
 * stays open makes this last for a moment. */
void handles_settle_all(struct handles *all, uint64_t object);
/* Note that a handle was flushed, after which its close may follow. */
void handles_flushed(struct opened *h);
/* Note that the last save is over: the handle writes no more, although it is
 * still in the list, and whoever waits for it may see that. */
void handles_closed(struct handles *all, struct opened *h);
/* Note that a handle is being saved for the last time (`closing`), or that this
 * may begin until `may_close` (monotonic ns, 0 = it may not). */
void handles_closing(struct handles *all, struct opened *h, bool closing,
                     int64_t may_close);
/* All that the handle had is saved. Returns whether no other one writes its
 * file then, which one of several that end together is told, the last. */
bool handles_end(struct handles *all, struct opened *h);
/* Set the time that the text of an object's handles gets when they save it. */
void handles_set_mtime(struct handles *all, uint64_t object, int64_t mtime);

#endif
