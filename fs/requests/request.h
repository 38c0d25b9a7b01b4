/*
 * What all operations share: the node behind a node id, replies, refusals,
 * attributes in libfuse's form.
 */
#ifndef PRIMO_REQUEST_H
#define PRIMO_REQUEST_H

#include "core/tree/handle.h"
#include "fs/requests/ops.h"

struct mount *request_mount(fuse_req_t req);
struct caller request_caller(fuse_req_t req);

/* Reply -err (0: success without data). A sentence goes to `errors`, under
 * the path of the node and, where not NULL, `name` in it. */
void reply_err(fuse_req_t req, int err, fuse_ino_t node_id, const char *name,
               const struct reason *why);

/* Reply as reply_err() does, under a path that is known. */
void reply_refused(fuse_req_t req, int err, const char *path,
                   const struct reason *why);
/* Reply as reply_err() does, under the path of an open file. */
void reply_handle(fuse_req_t req, int err, const struct handle *h,
                  const struct reason *why);

/* The node of a node id; ESTALE where there can't be one. */
int request_node(fuse_ino_t node_id, struct node *out, struct reason *why);

/* The error, as the reply about a node that the kernel has found before: ESTALE
 * without a sentence where its object is gone since. The kernel then looks its
 * name up again, while ENOENT would be final, though another file may have the
 * name. */
int node_error(struct mount *m, struct node n, int err, struct reason *why);

/* Attributes and node id of a node, for an entry that the kernel will know:
 * takes a look-up on a state, which entry_forget() gives back. As the caller
 * sees it; NULL = the administrator. */
int entry_fill(struct mount *m, const struct caller *caller, struct node n,
               struct fuse_entry_param *out, struct reason *why);
void entry_forget(struct mount *m, const struct fuse_entry_param *entry);
void attr_fill(const struct tree_stat *st, struct stat *out);
/* How many seconds the kernel may keep a node's attributes: KEEP_SECONDS where
 * they stay as they are until the kernel is told otherwise, else 0. */
enum { KEEP_SECONDS = 24 * 3600 };
double attr_seconds(struct node n, const struct tree_stat *st);
/* Make the kernel forget the attributes that it keeps of a node. This waits for
 * nobody, as it takes no lock of the kernel's that a request may hold. */
void attr_forget(struct mount *m, fuse_ino_t node_id);
/* Whether a node has a node id for each of its states (struct shape). */
bool node_has_states(struct node n);
/* The state behind a node id; false = it has none. Its text may have had to be
 * shown anew: *renewed says that it has changed, so that the kernel must use no
 * pages that it has of this node id. */
bool node_known(struct mount *m, fuse_ino_t node_id, struct node n,
                struct shown *out, bool *renewed);
/* The state that a node is in now, which has states. */
int node_state(struct mount *m, struct node n, struct shown *shown,
               uint64_t *stream, struct reason *why);

#endif
