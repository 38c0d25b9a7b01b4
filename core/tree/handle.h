/*
 * Open files: what one open of a node reads and writes. This part keeps the
 * handles, their locks and their list; the shape of the row does the reading
 * and writing (shape.h). Any thread may call: each handle has a lock of its
 * own, which is held while the shape works on it.
 */
#ifndef PRIMO_HANDLE_H
#define PRIMO_HANDLE_H

#include "core/tree/tree.h"

struct handle;

/* Life cycle */

/* Open a node. flags are those of open(2): access mode, O_TRUNC, O_APPEND.
 * `shown` is the state of a generated text that the caller already has, which
 * is copied, or NULL. EACCES, EISDIR, EPERM and so on. */
int handle_open(struct primo *primo, const struct caller *caller,
                struct node node, int flags, const struct text *shown,
                struct handle **out, struct reason *why);
struct creation {
    struct node directory;
    const char *name;
    uint32_t mode; /* permissions of the new file */
    int flags;     /* those of open(2) */
};
/* Make an input file and open it. EEXIST, EINVAL (the name), EPERM. */
int handle_create(struct primo *primo, const struct caller *caller,
                  const struct creation *c, struct node *node,
                  struct handle **out, struct reason *why);
/* Do the last close, which saves what is not saved yet. The handle is freed
 * even if saving fails. */
int handle_close(struct handle *h, struct reason *why);
/* Free the handles that nobody will close: when a mount ends while files are
 * open, the kernel does not report that they are closed. What they had not
 * saved is lost, like anything that was written and not yet closed. */
void handles_release(struct primo *primo);

/* Read */
struct node handle_node(const struct handle *h);
/* The path below the mount point at the time it was opened for writing. */
const char *handle_path(const struct handle *h);
/* The descriptor of a model's file, or -1. */
int handle_descriptor(const struct handle *h);
/* Whether it has staged something that is not saved yet, and then its size. The
 * file has the size of what is saved, but whoever stages a text writes at the
 * end of that (lseek(2) with SEEK_END). */
bool handle_staged(struct handle *h, uint64_t *size);
/* Whether who opened it may still see what becomes of it, where reads show that
 * (struct shape): a growing text, for one. EACCES. */
int handle_follow(struct handle *h, struct reason *why);
/* Append up to `size` bytes from `offset` on to *out. */
int handle_read(struct handle *h, uint64_t offset, size_t size,
                struct text *out, struct reason *why);
/* The text that a read has waited for: this and the next reads are served from
 * it. It takes over the bytes of *text. Up to `size` of them go to *out. */
int handle_read_awaited(struct handle *h, struct text *text, size_t size,
                        struct text *out, struct reason *why);

/* Whether a polled text has taken a new state, which it does when it is read
 * again from its beginning: true once for each such read, with that state. */
bool handle_renewed(struct handle *h, struct shown *out);
/* Whether a polled text has changed since it was read or opened, or a growing
 * text has more than was read. */
bool handle_has_news(struct handle *h);

/* Change */

/* A thread of this caller uses it. Rights are asked again through an open file
 * as those of who opened it; but his groups are those of a thread that lives.
 */
void handle_used_by(struct handle *h, const struct caller *caller);
/* Whether a write that has found no room waits for some: the first one of a
 * request. */
bool handle_awaits_room(struct handle *h);
int handle_write(struct handle *h, uint64_t offset, const char *data,
                 size_t size, struct reason *why);
int handle_truncate(struct handle *h, uint64_t size, struct reason *why);
/* close(2) of one descriptor: save what was written. */
int handle_flush(struct handle *h, struct reason *why);
/* fsync(2): do the same, and more where saving waits for the last close. */
int handle_sync(struct handle *h, struct reason *why);

/* truncate(2) through a path. */
int tree_truncate(struct primo *primo, const struct caller *caller,
                  struct node n, uint64_t size, struct reason *why);

#endif
