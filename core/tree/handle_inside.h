/*
 * Inside of open files: what one holds, and what the files that work on it
 * share. Reading is in handle_read.c, base models in handle_weights.c.
 */
#ifndef PRIMO_HANDLE_INSIDE_H
#define PRIMO_HANDLE_INSIDE_H

#include "core/models/base_file.h"
#include "core/store/stream.h"
#include "core/tree/handle.h"
#include "core/tree/input.h"

#include <fcntl.h>

struct handle {
    struct opened opened; /* first; its mtime is that of the text */
    struct primo *primo;
    struct caller caller;
    struct node node;
    struct text path; /* as it was when opened, for people; of writers */
    int flags;
    pthread_mutex_t lock; /* guards all below */
    struct text text;     /* a state, or the staged text of this open */
    int fd;               /* SHAPE_BODY, SHAPE_WEIGHTS that is read, else -1 */
    struct staged staged; /* SHAPE_WEIGHTS: what was written */
    uint64_t body;        /* of it: what it is written over; 0 = nothing */
    struct stream stream; /* SHAPE_GROWING */
    uint64_t read_end;    /* of it: how far it was read */
    bool read_once;
    bool all;             /* SHAPE_ERRORS: those of all users */
    bool renewed;         /* by a read from 0, which nobody has asked for */
    int64_t renewed_time; /* the mtime of that state */
    /* of those that write */
    bool fresh;                  /* this open made the file */
    bool dirty;                  /* written since the last save */
    bool emptied;                /* cut to nothing since the last save */
    bool refused;                /* saves nothing until it is cut to nothing */
    struct reason why;           /* it was, if refused */
    bool fired;                  /* an action, once per open */
    struct settings_check check; /* of the lines in text[0 .. checked) */
    size_t checked;
    bool disordered; /* written into the middle: checked as a whole at close */
};

static inline bool wants_write(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY;
}

static inline bool wants_read(int flags)
{
    return (flags & O_ACCMODE) != O_WRONLY;
}

/* The object of an input, if the caller may open it. */
int handle_load(struct handle *h, struct object *o, struct reason *why);
/* Nothing is saved until it is cut to nothing; `why` may be NULL. */
void handle_refused(struct handle *h, int err, const struct reason *why);

int handle_read_text(struct handle *h, uint64_t offset, size_t size,
                     struct text *out);
int handle_read_body(int fd, uint64_t offset, size_t size, struct text *out,
                     struct reason *why);

/* Base models */
int weights_open(struct handle *h, struct reason *why);
int weights_read(struct handle *h, uint64_t offset, size_t size,
                 struct text *out, struct reason *why);
int weights_write(struct handle *h, uint64_t offset, const char *data,
                  size_t size, struct reason *why);
int weights_truncate(struct handle *h, uint64_t size, struct reason *why);
int weights_save(struct handle *h, bool last, struct reason *why);

#endif
