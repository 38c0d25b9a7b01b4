/*
 * What an open file holds, for handle.c and for the shapes, which do the
 * reading and writing.
 */
#ifndef PRIMO_HANDLE_INSIDE_H
#define PRIMO_HANDLE_INSIDE_H

#include "core/tree/handle.h"

#include <fcntl.h>

struct handle {
    struct opened opened; /* first; its mtime is that of the text */
    struct primo *primo;
    struct caller caller;
    struct node node;
    struct text path; /* of writers, for people: as it was when opened */
    int flags;        /* as open(2) got them */

    pthread_mutex_t lock; /* guards all below */
    struct text text;     /* a state, or the text that this open stages */
    int fd;               /* a file that reads go straight to, or -1 */
    void *own;            /* what its shape keeps, or NULL */

    /* Of those that write */
    bool fresh;        /* this open made the file */
    bool dirty;        /* written since the last save */
    bool emptied;      /* cut to nothing since the last save */
    bool refused;      /* it saves nothing until it is cut to nothing */
    struct reason why; /* why it was refused */
};

static inline bool wants_write(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY;
}

static inline bool wants_read(int flags)
{
    return (flags & O_ACCMODE) != O_WRONLY;
}

#endif
