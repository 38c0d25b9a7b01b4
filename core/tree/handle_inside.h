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
    /* Of inputs: the rights (a set) that suffice in the place of others, as it
     * was at the open: who creates a file may write it until he closes it, even
     * if it is saved meanwhile */
    unsigned others;

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
    bool asked;        /* the right to save what is not saved yet was asked */
    bool refused;      /* nothing is saved until it is cut to nothing */
    struct reason why; /* why it was refused */
};

/* Whether who opened it may still do this. A right may have been taken away
 * since; so it is asked again before anything is done or saved, and before
 * anything is shown that was not there at the open. EACCES. */
int handle_may(struct handle *h, enum right right, struct reason *why);
/* Save nothing more until the file is cut to nothing; `why` may be NULL. */
void handle_refused(struct handle *h, int err, const struct reason *why);

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
