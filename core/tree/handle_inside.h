/*
 * What an open file holds, for handle.c and for the shapes, which do the
 * reading and writing.
 */
#ifndef PRIMO_HANDLE_INSIDE_H
#define PRIMO_HANDLE_INSIDE_H

#include "core/tree/handle.h"

#include <fcntl.h>

struct handle {
    struct opened opened; /* must be first; its mtime is that of the text */
    struct primo *primo;
    struct caller caller;
    struct node node;
    struct text path; /* the path at the open, for people; only if it writes */
    int flags;        /* those of open(2) */

    pthread_mutex_t lock;    /* guards all below */
    struct kept_text *shown; /* what it shows; NULL = `text` */
    struct text text;        /* what this open stages, and */
    uint64_t zeroes;         /* how many bytes of 0 follow it */
    uint64_t charged;        /* bytes of it that count as the caller's */
    struct open_body *body;  /* a file from which reads are served, or NULL */
    void *own;               /* what its shape keeps, or NULL */

    /* Only used by writers */
    bool fresh;        /* this open made the file */
    bool dirty;        /* it has been written since the last save */
    bool emptied;      /* it has been cut to nothing since the last save */
    bool refused;      /* nothing is saved until it is cut to nothing */
    struct reason why; /* why it was refused */
};

/* The text that is read, without the zeroes behind it. */
static inline const struct text *handle_text(const struct handle *h)
{
    return h->shown ? &h->shown->text : &h->text;
}

static inline bool wants_write(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY;
}

static inline bool wants_read(int flags)
{
    return (flags & O_ACCMODE) != O_WRONLY;
}

#endif
