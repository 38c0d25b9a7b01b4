/*
 * Shapes: the kinds of files. Each row of the tree has one, and a struct shape
 * is what that kind of file does when somebody asks for its attributes, opens,
 * reads, writes or removes it. A shape stands in a file of its own in
 * core/tree/shapes/, and only the table of rows names it: a new kind of file is
 * a new file there, and nothing else changes.
 *
 * A function that is NULL says that this kind of file does nothing there, or
 * cannot do it, as noted at each. Rights are asked before these functions are
 * called. They run in any thread; those of an open file are called under the
 * lock of its handle, except `open` and `close`, when no other thread knows the
 * handle yet, or knows it any longer.
 */
#ifndef PRIMO_SHAPE_H
#define PRIMO_SHAPE_H

#include "core/state/primo.h"
#include "core/store/node.h"

struct handle;
struct row;
struct shown;
struct tree_change;
struct tree_stat;

/* A call of tree_stat(), as a shape gets it. */
struct stat_request {
    struct primo *primo;
    const struct caller *caller; /* NULL = the administrator */
    struct node node;
    const struct shown *shown;   /* the state of a generated text; NULL = now */
    const struct object *object; /* the node's object; empty if it has none */
};

struct shape {
    uint32_t mode; /* the file type and the permissions that are shown */

    /* The file, whether it is open or not */

    /* NULL = it exists as long as its directory does */
    bool (*exists)(struct primo *primo, struct node n);
    /* Complete the attributes, which are set to those of an empty file of the
     * user who mounted. NULL = these are right. */
    int (*stat)(const struct stat_request *r, struct tree_stat *out,
                struct reason *why);
    /* The present state: the text, or the number of the stream that is shown
     * (never 0). The kernel gets a node id for each state. NULL = the file has
     * one node id for ever. */
    int (*state)(struct primo *primo, struct node n, struct shown *text,
                 uint64_t *stream, struct reason *why);
    /* NULL = it is a directory, which rmdir removes */
    int (*unlink)(struct primo *primo, const struct caller *caller,
                  struct node directory, struct node n, struct reason *why);
    /* The times are set to now, as touch(1) does. NULL = that is a change like
     * any other */
    int (*touch)(struct primo *primo, const struct caller *caller,
                 struct node n, struct reason *why);
    /* chmod, chown, utimens. NULL = its attributes are generated: EPERM */
    int (*change)(struct primo *primo, const struct caller *caller,
                  struct node n, const struct tree_change *c,
                  struct reason *why);
    /* Of inputs: make a new file, with a name that is free, and rename one;
     * NULL = as input.h and rename.c do */
    int (*make)(struct primo *primo, const struct caller *caller,
                struct node directory, const char *name, uint32_t mode,
                struct node *out, struct reason *why);
    int (*rename)(struct primo *primo, const struct caller *caller,
                  struct node n, struct node directory, const char *name,
                  bool no_replace, struct reason *why);
    /* Take a whole text that was written aside and is renamed onto this file;
     * NULL = it is no text that users write */
    int (*take)(struct primo *primo, const struct caller *caller, struct node n,
                const struct text *text, struct reason *why);
    /* Whether the content of an input allows it this name: inputs only */
    int (*accept)(struct primo *primo, const struct row *row,
                  const struct object *o, const char *name, struct reason *why);

    /* An open file: handle_inside.h has what all of them share */

    /* `text` is the state that the opener already has; NULL = none */
    int (*open)(struct handle *h, const struct text *text, struct reason *why);
    /* Free what open() and the others have put into h->own */
    void (*close)(struct handle *h);
    int (*read)(struct handle *h, uint64_t offset, size_t size,
                struct text *out, struct reason *why); /* NULL = empty */
    int (*write)(struct handle *h, uint64_t offset, const char *data,
                 size_t size, struct reason *why); /* NULL = EBADF */
    int (*truncate)(struct handle *h, uint64_t size,
                    struct reason *why); /* NULL = EACCES */
    /* The size of what was written and is not saved; NULL = h->text has it */
    uint64_t (*staged)(struct handle *h);
    /* Save what was written, if that is due now. `last` says that the file is
     * being closed for the last time. */
    int (*save)(struct handle *h, bool last, struct reason *why);
    /* Whether there is more than was read, for poll(2); NULL = never */
    bool (*has_news)(struct handle *h);
    /* See handle_renewed(); NULL = never */
    bool (*renewed)(struct handle *h, struct shown *out);

    /* Of inputs, NULL = save() is enough: put what was written so far onto the
     * disk, as fsync(2) wants it. */
    int (*sync)(struct handle *h, struct reason *why);

    bool is_input;      /* users make, write, rename and remove it */
    bool passing;       /* of inputs: it is there for a moment, and whoever may
                           write anything beside it may make one */
    bool shows_writing; /* stat() of an input shows what is written at once, and
                           waits for no close */
    bool acts;    /* a change starts an action, so no name of a polled text
                     may be kept: see fs/requests/kept_names.h */
    bool follows; /* reads show what has become of it since it was opened, so
                     that the right to view it is asked again at each */
    bool awaits_room; /* of inputs: the making and the first write wait while
                         there is no room (fs/requests/room.h) */
    bool waits; /* a read that gives nothing waits until there is something */

    /* What the kernel may keep without asking again: only what its own requests
     * change. Entries and attributes that are not settled (struct tree_stat)
     * are never kept. */
    bool keeps_name;       /* the name leads to one node id for ever */
    bool keeps_attributes; /* the attributes of a node id are kept; opening an
                              input for writing makes the kernel forget them */
    bool keeps_pages;      /* what is cached of a node id is right for ever */
    bool direct_io;        /* nothing is cached */
};

#endif
