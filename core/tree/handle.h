/*
 * Open files: what one open of a node reads and writes. A handle is used by
 * one request at a time per lock of its own; any thread.
 *
 *   generated texts   the state at open (a polled one: at each read from 0)
 *   growing texts     whatever there is by now
 *   inputs            a text of its own: written there, saved as a whole
 *   words             the same, handed to the row's store function
 *   actions           fire at the first non-empty write
 */
#ifndef PRIMO_HANDLE_H
#define PRIMO_HANDLE_H

#include "core/tree/tree.h"

struct handle;

/* Life cycle */

/* flags as open(2): access mode, O_TRUNC, O_APPEND. `shown` gives the state of
 * a generated text that the caller has already (its bytes are copied), or is
 * NULL. EACCES, EISDIR, EPERM … with a reason. */
int handle_open(struct primo *primo, const struct caller *caller,
                struct node node, int flags, const struct text *shown,
                struct handle **out, struct reason *why);
/* Make an input file and open it. EEXIST, EINVAL (the name), EPERM. */
int handle_create(struct primo *primo, const struct caller *caller,
                  struct node directory, const char *name, uint32_t mode,
                  int flags, struct node *node, struct handle **out,
                  struct reason *why);
/* Saves an emptied text; a failure goes to *why but frees all the same. */
int handle_close(struct handle *h, struct reason *why);
/* Free those that nobody will close: a mount that ends with files open hears
 * no more of them. What they had not saved is gone, as users were told. */
void handles_release(struct primo *primo);

/* Read */
struct node handle_node(const struct handle *h);
/* Its path below the mount point when it was opened for writing. */
const char *handle_path(const struct handle *h);
/* The descriptor of a model's file, or -1. */
int handle_descriptor(const struct handle *h);
/* Append up to `size` bytes from `offset` on to *out. */
int handle_read(struct handle *h, uint64_t offset, size_t size,
                struct text *out, struct reason *why);

/* The state that a polled text took at a read from 0 after its first; once for
 * each such read. */
bool handle_renewed(struct handle *h, struct shown *out);
/* Of a polled text: it has changed since it was read or opened; of a growing
 * one: there is more than was read. */
bool handle_has_news(struct handle *h);

/* Change */
int handle_write(struct handle *h, uint64_t offset, const char *data,
                 size_t size, struct reason *why);
int handle_truncate(struct handle *h, uint64_t size, struct reason *why);
/* close(2) of one descriptor, or fsync: save what was written. */
int handle_flush(struct handle *h, struct reason *why);

/* truncate(2) through a path. */
int tree_truncate(struct primo *primo, const struct caller *caller,
                  struct node n, uint64_t size, struct reason *why);

#endif
