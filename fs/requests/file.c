/* Operations on files: attributes, opening, reading, writing, saving. */
#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/tree/gate.h"
#include "fs/requests/request.h"
#include "fs/requests/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static struct handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct handle *)(uintptr_t)fi->fh;
}

/* The same, as this request uses it. */
static struct handle *handle_used(fuse_req_t req,
                                  const struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    struct caller caller = request_caller(req);
    if (h)
        handle_used_by(h, &caller);
    return h;
}

/* Attributes */

/* `h` is the open file that is asked about, or NULL. */
static int attr_of(fuse_req_t req, fuse_ino_t ino, struct node n,
                   struct handle *h, struct stat *out, double *seconds,
                   struct reason *why)
{
    struct mount *m = request_mount(req);
    struct caller caller = request_caller(req);
    struct shown shown = {TEXT_INIT, 0};
    struct tree_stat st;
    bool renewed, known = node_known(m, ino, n, &shown, &renewed);
    int err = tree_stat(&m->primo, &caller, n, known ? &shown : NULL, &st, why);
    if (err == 0) {
        attr_fill(&st, out);
        *seconds = attr_seconds(n, &st);
    }
    uint64_t size;
    if (err == 0 && h && handle_staged(h, &size)) {
        out->st_size = (off_t)size;
        *seconds = 0;
    }
    text_release(&shown.text);
    return err;
}

static void reply_attr(fuse_req_t req, fuse_ino_t ino, struct node n,
                       struct handle *h, int err, struct reason *why)
{
    struct stat st;
    double seconds = 0;
    if (err == 0)
        err = attr_of(req, ino, n, h, &st, &seconds, why);
    err = node_error(request_mount(req), n, err, why);
    if (err)
        reply_err(req, err, ino, NULL, why);
    else
        fuse_reply_attr(req, &st, seconds);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct node n;
    struct stat st;
    double seconds = 0;
    struct handle *h = fi ? handle_used(req, fi) : NULL;
    int err = request_node(ino, &n, NULL);
    /* The kernel asks with the open file before it reads from its own pages,
     * which may have come there by reads of somebody else. */
    if (err == 0 && h)
        err = handle_follow(h, NULL);
    if (err == 0)
        err = node_error(request_mount(req), n,
                         attr_of(req, ino, n, h, &st, &seconds, NULL), NULL);
    if (err)
        fuse_reply_err(req, -err);
    else
        fuse_reply_attr(req, &st, seconds);
}

static struct tree_change change_of(const struct stat *attr, int to_set)
{
    struct tree_change c = {
        .mode_set = to_set & FUSE_SET_ATTR_MODE,
        .owner_set = to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID),
        .atime_set = to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW),
        .mtime_set = to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW),
        .now = to_set & FUSE_SET_ATTR_MTIME_NOW,
        .mode = attr->st_mode,
        .uid = to_set & FUSE_SET_ATTR_UID ? attr->st_uid : (uint32_t)-1,
        .gid = to_set & FUSE_SET_ATTR_GID ? attr->st_gid : (uint32_t)-1,
        .atime = timespec_ns(attr->st_atim),
        .mtime = timespec_ns(attr->st_mtim),
    };
    if (to_set & FUSE_SET_ATTR_ATIME_NOW)
        c.atime = clock_ns();
    if (to_set & FUSE_SET_ATTR_MTIME_NOW)
        c.mtime = clock_ns();
    return c;
}

static void set_attributes(fuse_req_t req, fuse_ino_t ino,
                           const struct stat *attr, int to_set,
                           const struct fuse_file_info *fi)
{
    struct primo *primo = &request_mount(req)->primo;
    struct caller caller = request_caller(req);
    struct reason why = REASON_INIT;
    struct node n = {0};
    int err = request_node(ino, &n, &why);
    if (err == 0 && (to_set & FUSE_SET_ATTR_SIZE)) {
        uint64_t size = (uint64_t)attr->st_size;
        err = fi ? handle_truncate(handle_of(fi), size, &why)
                 : tree_truncate(primo, &caller, n, size, &why);
    }
    struct tree_change c = change_of(attr, to_set);
    /* The times that come with a truncation are the kernel's: no touch. */
    bool times = (c.atime_set || c.mtime_set) && !(to_set & FUSE_SET_ATTR_SIZE);
    c.atime_set &= times;
    c.mtime_set &= times;
    if (err == 0 && (c.mode_set || c.owner_set || times))
        err = tree_change(primo, &caller, n, &c, &why);
    reply_attr(req, ino, n, fi ? handle_of(fi) : NULL, err, &why);
}

/* Whether this is an action that the caller may do. Others are refused without
 * anything being done for them first. */
static bool is_action(fuse_req_t req, struct node n)
{
    struct caller caller = request_caller(req);
    return node_row(n)->shape->acts &&
           tree_may(&request_mount(req)->primo, &caller, n, node_row(n)->needs,
                    NULL) == 0;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                struct fuse_file_info *fi)
{
    struct kept_names *names = &request_mount(req)->kept_names;
    struct node n;
    bool action = states_node(ino, &n) && is_action(req, n);
    if (action)
        kept_names_action_begin(names);
    set_attributes(req, ino, attr, to_set, fi);
    if (action)
        kept_names_action_end(names);
}

/* access(2) answers for its caller, while the mode bits are the same for all.
 */
void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
    struct caller caller = request_caller(req);
    struct node n;
    int err = request_node(ino, &n, NULL);
    if (err == 0)
        err = tree_access(&request_mount(req)->primo, &caller, n, mask, NULL);
    fuse_reply_err(req, -err);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct statvfs st;
    (void)ino;
    if (statvfs(request_mount(req)->primo.state, &st))
        fuse_reply_err(req, errno);
    else
        fuse_reply_statfs(req, &st);
}

/* Opening */

/* How the kernel may cache what is read through this open. */
static void cache_rule(struct node n, struct fuse_file_info *fi)
{
    const struct row *row = node_row(n);
    fi->keep_cache = row->shape->keeps_pages;
    fi->direct_io = row->shape->direct_io || row->polled;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct mount *m = request_mount(req);
    struct caller caller = request_caller(req);
    struct reason why = REASON_INIT;
    struct shown shown = {TEXT_INIT, 0};
    struct handle *h = NULL;
    struct node n;
    bool renewed = false;
    if (inotify_open(req, fi))
        return;
    int err = request_node(ino, &n, &why);
    if (err == 0) {
        bool known = node_known(m, ino, n, &shown, &renewed);
        err = handle_open(&m->primo, &caller, n, fi->flags,
                          known ? &shown.text : NULL, &h, &why);
        err = node_error(m, n, err, &why);
    }
    text_release(&shown.text);
    if (err) {
        reply_err(req, err, ino, NULL, &why);
        return;
    }
    fi->fh = (uintptr_t)h;
    cache_rule(n, fi);
    fi->keep_cache &= !renewed;
    if ((fi->flags & O_ACCMODE) == O_RDONLY)
        fi->noflush = 1; /* there is nothing to save */
    else if (row_is_input(node_row(n)))
        attr_forget(m, ino);
    if (renewed)
        attr_forget(m, ino);
    if (fuse_reply_open(req, fi))
        handle_close(h, NULL); /* the opener was interrupted */
}

enum { NAME_ROOM = 1025 }; /* the kernel sends none that is longer */

/* A file that is made, as far as it has come. */
struct making {
    fuse_req_t req;
    fuse_ino_t parent;
    struct node directory, node;
    struct handle *h;
    mode_t mode;
    struct fuse_file_info fi;
    char name[NAME_ROOM];
};

static int making_try(void *context, struct reason *why)
{
    struct making *k = context;
    struct mount *m = request_mount(k->req);
    struct caller caller = request_caller(k->req);
    return handle_create(
        &m->primo, &caller,
        &(struct creation){k->directory, k->name, k->mode, k->fi.flags},
        &k->node, &k->h, why);
}

static void making_reply(struct making *k, int err, struct reason *why)
{
    struct caller caller = request_caller(k->req);
    struct fuse_entry_param entry;
    if (err == 0) {
        err = entry_fill(request_mount(k->req), &caller, k->node, &entry, why);
        if (err)
            handle_close(k->h, NULL);
    }
    if (err) {
        reply_err(k->req, err, k->parent, k->name, why);
        return;
    }
    k->fi.fh = (uintptr_t)k->h;
    cache_rule(k->node, &k->fi);
    if (fuse_reply_create(k->req, &entry, &k->fi))
        handle_close(k->h, NULL);
}

static void making_end(void *context, int err, const struct reason *why)
{
    struct reason last = *why;
    if (err == -EINTR || err == -ENODEV)
        last = (struct reason)REASON_INIT;
    making_reply(context, err, &last);
    free(context);
}

/* A user's files that are not saved yet are bounded. In a row of many small
 * ones, closes may come behind: then the next one waits for them. Not for long:
 * the kernel lets nobody else change the directory meanwhile. */
static bool making_waits(const struct making *k, const struct reason *why)
{
    static const struct room_kind kind = {5, making_try, making_end};
    enum tree_no no = row_of_objects(k->directory.no);
    if (!no || !tree_rows[no].shape->awaits_room)
        return false;
    struct making *waiting = xmalloc(sizeof *waiting);
    *waiting = *k;
    if (room_await(&request_mount(k->req)->room, k->req, &kind, waiting, why))
        return true;
    free(waiting);
    return false;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi)
{
    struct reason why = REASON_INIT;
    struct making k = {
        .req = req, .parent = parent, .mode = mode, .fi = *fi, .h = NULL};
    if (inotify_create(req, parent, name, fi))
        return;
    snprintf(k.name, sizeof k.name, "%s", name);
    int err = request_node(parent, &k.directory, &why);
    if (err == 0)
        err = making_try(&k, &why);
    if (err == -ENOSPC && making_waits(&k, &why))
        return;
    making_reply(&k, err, &why);
}

/* Reading and writing */

static void read_descriptor(fuse_req_t req, int fd, size_t size, off_t offset)
{
    struct fuse_bufvec bytes = FUSE_BUFVEC_INIT(size);
    bytes.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
    bytes.buf[0].fd = fd;
    bytes.buf[0].pos = offset;
    fuse_reply_data(req, &bytes, FUSE_BUF_SPLICE_MOVE);
}

/* A polled text may have taken a new state in this read: then that is the state
 * of its node id, so that fstat agrees with what was read. */
static void renew_polled(struct mount *m, fuse_ino_t ino, struct handle *h)
{
    struct shown now = {TEXT_INIT, 0};
    if (handle_renewed(h, &now) && states_renew(&m->states, ino, &now))
        attr_forget(m, ino);
    text_release(&now.text);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
             struct fuse_file_info *fi)
{
    struct mount *m = request_mount(req);
    struct handle *h = handle_used(req, fi);
    struct node n = handle_node(h);
    struct reason why = REASON_INIT;
    struct text out = TEXT_INIT;
    if (handle_descriptor(h) >= 0) {
        read_descriptor(req, handle_descriptor(h), size, offset);
        return;
    }
    int err = handle_read(h, (uint64_t)offset, size, &out, &why);
    if (err)
        reply_err(req, err, ino, NULL, &why);
    else if (node_row(n)->shape->waits && !out.size && !offset) {
        /* What is read for a mapping, or for sendfile(2), has no lock owner and
         * must not wait: the kernel counts such reads as background, of which
         * it has few. Whoever may not send a file reads it. */
        if (fi->lock_owner)
            wait_reply(req, ino, h, size);
        else
            fuse_reply_err(req, EINVAL);
    } else {
        if (node_row(n)->polled)
            renew_polled(m, ino, h);
        fuse_reply_buf(req, text_string(&out),
                       out.size < size ? out.size : size);
    }
    text_release(&out);
}

struct writing {
    fuse_req_t req;
    struct handle *h; /* open as long as the kernel waits for this */
    size_t size;
    uint64_t offset;
    char data[];
};

static int writing_try(void *context, struct reason *why)
{
    const struct writing *w = context;
    return handle_write(w->h, w->offset, w->data, w->size, why);
}

static void writing_end(void *context, int err, const struct reason *why)
{
    struct writing *w = context;
    struct reason last = *why;
    if (err == 0)
        fuse_reply_write(w->req, w->size);
    else if (err == -EINTR || err == -ENODEV)
        fuse_reply_err(w->req, -err);
    else
        reply_handle(w->req, err, w->h, &last);
    free(w);
}

static bool writing_waits(fuse_req_t req, struct handle *h, const char *data,
                          size_t size, off_t offset, const struct reason *why)
{
    static const struct room_kind kind = {30, writing_try, writing_end};
    if (!handle_awaits_room(h))
        return false;
    struct writing *w = xmalloc(sizeof *w + size);
    *w = (struct writing){req, h, size, (uint64_t)offset};
    memcpy(w->data, data, size);
    if (room_await(&request_mount(req)->room, req, &kind, w, why))
        return true;
    free(w);
    return false;
}

/* A write of pages that were mapped must not wait: the kernel counts it as
 * background. */
static void write_handle(fuse_req_t req, struct handle *h, const char *data,
                         size_t size, off_t offset, bool pages)
{
    struct reason why = REASON_INIT;
    int err = handle_write(h, (uint64_t)offset, data, size, &why);
    if (err == -ENOSPC && !pages &&
        writing_waits(req, h, data, size, offset, &why))
        return;
    if (err)
        reply_handle(req, err, h, &why);
    else
        fuse_reply_write(req, size);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
              off_t offset, struct fuse_file_info *fi)
{
    struct handle *h = handle_used(req, fi);
    (void)ino;
    if (!h) { /* the inotify child writes, so that others are told of it */
        fuse_reply_write(req, size);
        return;
    }
    struct kept_names *names = &request_mount(req)->kept_names;
    struct node n = handle_node(h);
    bool action = is_action(req, n);
    if (action)
        kept_names_action_begin(names);
    write_handle(req, h, data, size, offset, fi->writepage);
    if (action)
        kept_names_action_end(names);
}

/* Saves by this function what an open file, if it is one, has staged. */
static void save_handle(fuse_req_t req, struct fuse_file_info *fi,
                        int (*save)(struct handle *h, struct reason *why))
{
    struct reason why = REASON_INIT;
    struct handle *h = handle_used(req, fi);
    if (!h) {
        fuse_reply_err(req, 0);
        return;
    }
    int err = save(h, &why);
    reply_handle(req, err, h, &why);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    save_handle(req, fi, handle_flush);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
              struct fuse_file_info *fi)
{
    (void)ino;
    (void)datasync;
    save_handle(req, fi, handle_sync);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct reason why = REASON_INIT;
    struct text path = TEXT_INIT; /* the node may be gone when it is needed */
    struct handle *h = handle_of(fi);
    (void)ino;
    if (h) {
        pollers_forget(&request_mount(req)->notices.pollers, h);
        text_puts(&path, handle_path(h));
    }
    int err = h ? handle_close(h, &why) : 0;
    reply_refused(req, err, text_string(&path), &why);
    text_release(&path);
}
