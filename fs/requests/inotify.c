/* Operations behind inotify and poll: the requests of the process that makes
 * inotify events (inotify_child.h), and poll(2). A file that this process has
 * opened has no handle. */
#include "fs/requests/request.h"
#include "fs/requests/table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static bool is_from_child(fuse_req_t req)
{
    return notices_is_child(&request_mount(req)->notices, req);
}

static void reply_folder(fuse_req_t req)
{
    struct fuse_entry_param entry = {
        .ino = NOTICES_FOLDER_ID,
        .generation = 1,
        .attr = {.st_ino = NOTICES_FOLDER_ID,
                 .st_mode = S_IFDIR | 0500,
                 .st_nlink = 2},
        /* without time-outs, the kernel answers no other process from this */
    };
    fuse_reply_entry(req, &entry);
}

static void reply_state(fuse_req_t req, const char *name)
{
    struct mount *m = request_mount(req);
    uint64_t id = strtoull(name, NULL, 10);
    struct fuse_entry_param entry = {.ino = id, .generation = 1};
    struct shown shown = {TEXT_INIT, 0};
    struct tree_stat st;
    struct node n;
    if (!states_node(id, &n) || !states_hold(&m->states, id)) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    bool renewed, known = node_known(m, id, n, &shown, &renewed);
    int err = tree_stat(&m->primo, NULL, n, known ? &shown : NULL, &st, NULL);
    text_release(&shown.text);
    if (err == 0)
        attr_fill(&st, &entry.attr);
    if (err == 0 && fuse_reply_entry(req, &entry) == 0)
        return;
    states_forget(&m->states, id, 1);
    if (err)
        fuse_reply_err(req, -err);
}

bool inotify_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct mount *m = request_mount(req);
    struct node dir, n;
    if (!is_from_child(req))
        return false;
    if (parent == NOTICES_FOLDER_ID) {
        reply_state(req, name);
        return true;
    }
    if (parent == FUSE_ROOT_ID && !strcmp(name, NOTICES_FOLDER)) {
        reply_folder(req);
        return true;
    }
    if (request_node(parent, &dir, NULL) ||
        tree_find(&m->primo, dir, name, &n, NULL) ||
        !notices_is_announced(&m->notices, n))
        return false;
    fuse_reply_err(req, ENOENT);
    return true;
}

/* The entry of what the child makes, which is there already. */
static bool announced_entry(fuse_req_t req, fuse_ino_t parent, const char *name,
                            struct fuse_entry_param *out)
{
    struct mount *m = request_mount(req);
    struct node dir, n;
    return request_node(parent, &dir, NULL) == 0 &&
           tree_find(&m->primo, dir, name, &n, NULL) == 0 &&
           notices_is_announced(&m->notices, n) &&
           entry_fill(m, NULL, n, out, NULL) == 0;
}

bool inotify_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param entry;
    if (!is_from_child(req))
        return false;
    if (announced_entry(req, parent, name, &entry))
        fuse_reply_entry(req, &entry);
    else
        fuse_reply_err(req, EEXIST);
    return true;
}

bool inotify_create(fuse_req_t req, fuse_ino_t parent, const char *name,
                    struct fuse_file_info *fi)
{
    struct fuse_entry_param entry;
    if (!is_from_child(req))
        return false;
    fi->fh = 0;
    fi->direct_io = 1;
    if (!announced_entry(req, parent, name, &entry))
        fuse_reply_err(req, EEXIST);
    else if (fuse_reply_create(req, &entry, fi))
        entry_forget(request_mount(req), &entry);
    return true;
}

bool inotify_open(fuse_req_t req, struct fuse_file_info *fi)
{
    if (!is_from_child(req) || (fi->flags & O_ACCMODE) == O_RDONLY)
        return false;
    fi->fh = 0;
    fi->direct_io = 1;
    fuse_reply_open(req, fi);
    return true;
}

/* A file is polled like one of sysfs: it is always readable, and POLLPRI says
 * that it has changed since it was read. */
void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
             struct fuse_pollhandle *ph)
{
    struct mount *m = request_mount(req);
    struct handle *h = (struct handle *)(uintptr_t)fi->fh;
    unsigned events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
    (void)ino;
    if (ph && h && notices_tells(handle_node(h)))
        pollers_add(&m->notices.pollers, handle_node(h), h, ph);
    else if (ph)
        fuse_pollhandle_destroy(ph);
    if (h && handle_has_news(h))
        events |= POLLPRI;
    fuse_reply_poll(req, events);
}
