/* Operations on names: look-up, listing, making and removing. */
#include "core/basic/alloc.h"
#include "core/tree/gate.h"
#include "fs/requests/request.h"
#include "fs/requests/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reply_entry(fuse_req_t req, struct node n, int err,
                        fuse_ino_t parent, const char *name, struct reason *why)
{
    struct mount *m = request_mount(req);
    struct caller caller = request_caller(req);
    struct fuse_entry_param entry;
    if (err == 0)
        err = entry_fill(m, &caller, n, &entry, why);
    if (err)
        reply_err(req, err, parent, name, why);
    else if (fuse_reply_entry(req, &entry))
        entry_forget(m, &entry);
}

/* The kernel may keep the name of a polled text for as long as nothing but an
 * action changes that text: kept_names.h. */
static void reply_polled(fuse_req_t req, struct node n, fuse_ino_t parent,
                         const char *name, struct reason *why)
{
    struct mount *m = request_mount(req);
    struct caller caller = request_caller(req);
    struct fuse_entry_param entry;
    bool keep = kept_names_give(&m->kept_names, n);
    int err = entry_fill(m, &caller, n, &entry, why);
    if (keep)
        entry.entry_timeout = KEEP_NAME_SECONDS;
    if (err)
        reply_err(req, err, parent, name, why);
    else if (fuse_reply_entry(req, &entry))
        entry_forget(m, &entry);
    if (keep)
        kept_names_given(&m->kept_names);
}

/* A look-up of "." in a file: a client of NFS has a file handle with the node
 * id of a state, which may be from before a restart. It means the state of now.
 */
static void look_up_self(fuse_req_t req, fuse_ino_t id, struct node n,
                         struct reason *why)
{
    struct mount *m = request_mount(req);
    struct caller caller = request_caller(req);
    struct fuse_entry_param entry;
    struct shown shown = {TEXT_INIT, 0};
    uint64_t stream;
    int err = node_state(m, n, &shown, &stream, why);
    if (err == 0) {
        states_adopt(&m->states, id, &shown, stream);
        err = entry_fill(m, &caller, n, &entry, why);
    }
    text_release(&shown.text);
    if (err) {
        reply_err(req, err, id, NULL, why);
        return;
    }
    entry_forget(m, &entry);
    entry.ino = id;
    fuse_reply_entry(req, &entry);
}

static void name_path(struct mount *m, struct node dir, const char *name,
                      struct text *out)
{
    tree_path(&m->primo, dir, out);
    text_printf(out, "/%s", name);
}

/* A name that is not there is no refusal, unless somebody may have expected it
 * and does not make it now. */
static void missed(fuse_req_t req, struct node dir, const char *name)
{
    struct mount *m = request_mount(req);
    struct caller caller = request_caller(req);
    struct reason why = REASON_INIT;
    struct text path = TEXT_INIT;
    if (!tree_missing(&m->primo, &caller, dir, name, &why))
        return;
    name_path(m, dir, name, &path);
    refusals_miss(&m->primo.refusals, caller.uid, text_string(&path), &why);
    text_release(&path);
}

static void made(fuse_req_t req, struct node dir, const char *name)
{
    struct mount *m = request_mount(req);
    struct text path = TEXT_INIT;
    name_path(m, dir, name, &path);
    refusals_made(&m->primo.refusals, text_string(&path));
    text_release(&path);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct mount *m = request_mount(req);
    struct reason why = REASON_INIT;
    struct node dir, n;
    if (inotify_lookup(req, parent, name))
        return;
    int err = request_node(parent, &dir, &why);
    if (err == 0 && !strcmp(name, ".")) {
        n = dir;
        if (node_has_states(n)) {
            look_up_self(req, parent, n, &why);
            return;
        }
    } else if (err == 0 && !strcmp(name, "..")) {
        err = tree_parent(&m->primo, dir, &n, &why);
    } else if (err == 0) {
        struct caller caller = request_caller(req);
        err = tree_find(&m->primo, dir, name, &n, &why);
        if (err == 0 && !tree_sees(&m->primo, &caller, n))
            err = -ENOENT;
    }
    if (err == -ENOENT) {
        missed(req, dir, name);
        fuse_reply_err(req, ENOENT);
    } else if (err == 0 && node_row(n)->polled) {
        reply_polled(req, n, parent, name, &why);
    } else {
        reply_entry(req, n, err, parent, name, &why);
    }
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
    states_forget(&request_mount(req)->states, ino, nlookup);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count,
                     struct fuse_forget_data *forgets)
{
    struct mount *m = request_mount(req);
    for (size_t i = 0; i < count; i++)
        states_forget(&m->states, forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}

/* Listing */

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct mount *m = request_mount(req);
    struct caller caller = request_caller(req);
    struct reason why = REASON_INIT;
    struct node n;
    int err = request_node(ino, &n, &why);
    if (err == 0)
        err = tree_may(&m->primo, &caller, n, RIGHT_VIEW, &why);
    if (err)
        reply_err(req, err, ino, NULL, &why);
    else
        fuse_reply_open(req, fi);
}

struct listing {
    fuse_req_t req;
    struct mount *m;
    struct caller caller;
    struct node dir;
    bool plus; /* with attributes and look-ups */
    char *room;
    size_t size, used;
};

/* Offsets: 1 is behind ".", 2 behind "..", then the tree's cookie + 2. */
enum { DOTS = 2 };

static bool list_put(struct listing *l, const char *name, off_t offset,
                     const struct fuse_entry_param *entry)
{
    char *at = l->room + l->used;
    size_t left = l->size - l->used;
    size_t n =
        l->plus
            ? fuse_add_direntry_plus(l->req, at, left, name, entry, offset)
            : fuse_add_direntry(l->req, at, left, name, &entry->attr, offset);
    if (n > left)
        return false;
    l->used += n;
    return true;
}

static bool list_dots(struct listing *l, off_t offset)
{
    struct fuse_entry_param entry = {0};
    struct node n = l->dir;
    if (offset == 1 && tree_parent(&l->m->primo, l->dir, &n, NULL))
        n = l->dir;
    entry.attr.st_ino = tree_inode(n.object, n.no);
    entry.attr.st_mode = S_IFDIR;
    return list_put(l, offset ? ".." : ".", offset + 1, &entry);
}

/* What plain readdir shows of a node: its number and type. */
static void entry_outline(struct node n, struct fuse_entry_param *out)
{
    memset(out, 0, sizeof *out);
    out->attr.st_ino = tree_inode(n.object, n.no);
    out->attr.st_mode = node_row(n)->shape->mode & S_IFMT;
}

static int list_objects(struct listing *l, uint64_t cookie, struct reason *why)
{
    struct tree_entry e;
    struct fuse_entry_param entry;
    int err;
    while ((err = tree_next(&l->m->primo, l->dir, cookie, &e, why)) == 0) {
        cookie = e.cookie;
        if (!tree_sees(&l->m->primo, &l->caller, e.node))
            continue;
        entry_outline(e.node, &entry);
        if (l->plus && entry_fill(l->m, &l->caller, e.node, &entry, NULL))
            continue; /* removed meanwhile */
        if (!list_put(l, e.name, (off_t)(cookie + DOTS), &entry)) {
            if (l->plus)
                entry_forget(l->m, &entry);
            break;
        }
    }
    return err == -ENOENT ? 0 : err;
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                 bool plus)
{
    struct reason why = REASON_INIT;
    struct listing l = {.req = req,
                        .m = request_mount(req),
                        .caller = request_caller(req),
                        .plus = plus,
                        .room = xmalloc(size),
                        .size = size};
    int err = request_node(ino, &l.dir, &why);
    if (err == 0) /* it may be long since the directory was opened */
        err = tree_may(&l.m->primo, &l.caller, l.dir, RIGHT_VIEW, &why);
    bool room = true;
    for (; err == 0 && room && offset < DOTS; offset++)
        room = list_dots(&l, offset);
    if (err == 0 && room)
        err = list_objects(&l, (uint64_t)offset - DOTS, &why);
    if (err)
        reply_err(req, err, ino, NULL, &why);
    else
        fuse_reply_buf(req, l.room, l.used);
    free(l.room);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi)
{
    (void)fi;
    list(req, ino, size, offset, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    (void)fi;
    list(req, ino, size, offset, true);
}

/* Making and removing */

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    struct caller caller = request_caller(req);
    struct reason why = REASON_INIT;
    struct node dir, n = {0};
    (void)mode;
    if (inotify_mkdir(req, parent, name))
        return;
    int err = request_node(parent, &dir, &why);
    if (err == 0)
        err = tree_mkdir(&request_mount(req)->primo, &caller, dir, name, &n,
                         &why);
    if (err == 0)
        made(req, dir, name);
    reply_entry(req, n, err, parent, name, &why);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct caller caller = request_caller(req);
    struct reason why = REASON_INIT;
    struct node dir;
    int err = request_node(parent, &dir, &why);
    if (err == 0)
        err = tree_rmdir(&request_mount(req)->primo, &caller, dir, name, &why);
    reply_err(req, err, parent, name, &why);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct caller caller = request_caller(req);
    struct reason why = REASON_INIT;
    struct node dir;
    int err = request_node(parent, &dir, &why);
    if (err == 0)
        err = tree_unlink(&request_mount(req)->primo, &caller, dir, name, &why);
    reply_err(req, err, parent, name, &why);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
               fuse_ino_t newparent, const char *newname, unsigned int flags)
{
    struct caller caller = request_caller(req);
    struct reason why = REASON_INIT;
    struct node dir, to;
    int err = request_node(parent, &dir, &why);
    if (err == 0)
        err = request_node(newparent, &to, &why);
    if (err == 0 && (flags & ~(unsigned)RENAME_NOREPLACE))
        err = refuse(&why, EINVAL, "files cannot be exchanged");
    if (err == 0)
        err = tree_rename(&request_mount(req)->primo, &caller,
                          &(struct renaming){dir, name, to, newname,
                                             flags & RENAME_NOREPLACE},
                          &why);
    reply_err(req, err, newparent, newname, &why);
}

static void refuse_kind(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct reason why = REASON_INIT;
    int err = refuse(&why, EPERM,
                     "links and special files are not possible "
                     "here, only files and directories");
    reply_err(req, err, parent, name, &why);
}

/* Emacs locks a text that is being edited by a link `.#NAME`, at each save, and
 * uses a plain file where there are no links: that is no refusal which anybody
 * looks for in `errors`. */
void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent,
                const char *name)
{
    (void)link;
    if (!strncmp(name, ".#", 2))
        fuse_reply_err(req, EPERM);
    else
        refuse_kind(req, parent, name);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent,
             const char *newname)
{
    (void)ino;
    refuse_kind(req, newparent, newname);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
              dev_t rdev)
{
    (void)mode;
    (void)rdev;
    refuse_kind(req, parent, name);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct caller caller = request_caller(req);
    struct reason why = REASON_INIT;
    struct shown target = {TEXT_INIT, 0};
    struct node n;
    int err = request_node(ino, &n, &why);
    if (err == 0 && !S_ISLNK(node_row(n)->shape->mode))
        err = refuse(&why, EINVAL, "this is not a link");
    if (err == 0)
        err =
            tree_may(&request_mount(req)->primo, &caller, n, RIGHT_VIEW, &why);
    if (err == 0)
        err = tree_show(&request_mount(req)->primo, n, &target, &why);
    if (err)
        reply_err(req, err, ino, NULL, &why);
    else
        fuse_reply_readlink(req, text_string(&target.text));
    text_release(&target.text);
}
