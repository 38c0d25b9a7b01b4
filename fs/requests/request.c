#include "fs/requests/request.h"

#include "core/basic/clock.h"
#include "core/tree/gate.h"

#include <errno.h>
#include <string.h>

struct mount *request_mount(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

struct caller request_caller(fuse_req_t req)
{
    const struct fuse_ctx *ctx = fuse_req_ctx(req);
    return (struct caller){ctx->uid, ctx->gid, ctx->pid};
}

void reply_refused(fuse_req_t req, int err, const char *path,
                   const struct reason *why)
{
    if (err && why && *why->sentence)
        refusals_add(&request_mount(req)->primo.refusals,
                     request_caller(req).uid, path, why);
    fuse_reply_err(req, -err);
}

void reply_err(fuse_req_t req, int err, fuse_ino_t node_id, const char *name,
               const struct reason *why)
{
    struct text path = TEXT_INIT;
    struct node n;
    bool known = err && states_node(node_id, &n);
    if (known && (n.no != TREE_ROOT || !name))
        tree_path(&request_mount(req)->primo, n, &path);
    if (name)
        text_printf(&path, "%s%.255s", path.size ? "/" : "", name);
    reply_refused(req, err, text_string(&path), why);
    text_release(&path);
}

void reply_handle(fuse_req_t req, int err, const struct handle *h,
                  const struct reason *why)
{
    reply_refused(req, err, handle_path(h), why);
}

int request_node(fuse_ino_t node_id, struct node *out, struct reason *why)
{
    if (states_node(node_id, out))
        return 0;
    return refuse(why, ESTALE, "there is no such file any more");
}

int node_error(struct mount *m, struct node n, int err, struct reason *why)
{
    struct object o = OBJECT_INIT;
    if (err != -ENOENT || !n.object)
        return err;
    bool gone = object_load(&m->primo, n.object, &o) == -ENOENT;
    object_release(&o);
    if (gone && why)
        *why = (struct reason)REASON_INIT;
    return gone ? -ESTALE : err;
}

void attr_fill(const struct tree_stat *st, struct stat *out)
{
    memset(out, 0, sizeof *out);
    out->st_ino = st->inode;
    out->st_mode = st->mode;
    out->st_nlink = S_ISDIR(st->mode) ? 2 : 1;
    out->st_uid = st->uid;
    out->st_gid = st->gid;
    out->st_size = (off_t)st->size;
    out->st_blocks = (blkcnt_t)((st->size + 511) / 512);
    out->st_blksize = 4096;
    out->st_atim = ns_timespec(st->atime);
    out->st_mtim = ns_timespec(st->mtime);
    out->st_ctim = ns_timespec(st->ctime);
}

static double name_seconds(struct node n, const struct tree_stat *st)
{
    return node_row(n)->shape->keeps_name && st->settled ? KEEP_SECONDS : 0;
}

double attr_seconds(struct node n, const struct tree_stat *st)
{
    bool keep = node_row(n)->shape->keeps_attributes;
    return keep && st->settled ? KEEP_SECONDS : 0;
}

void attr_forget(struct mount *m, fuse_ino_t node_id)
{
    fuse_lowlevel_notify_inval_inode(m->session, node_id, -1, 0);
}

bool node_has_states(struct node n)
{
    return node_row(n)->shape->state != NULL;
}

bool node_known(struct mount *m, fuse_ino_t node_id, struct node n,
                struct shown *out, bool *renewed)
{
    uint64_t stream;
    *renewed = false;
    if (!node_has_states(n))
        return false;
    enum state_known known = states_get(&m->states, node_id, out);
    if (known == STATE_DROPPED && node_state(m, n, out, &stream, NULL) == 0) {
        *renewed = states_renew(&m->states, node_id, out);
        known = STATE_KNOWN;
    }
    return known == STATE_KNOWN;
}

int node_state(struct mount *m, struct node n, struct shown *shown,
               uint64_t *stream, struct reason *why)
{
    return node_row(n)->shape->state(&m->primo, n, shown, stream, why);
}

int entry_fill(struct mount *m, const struct caller *caller, struct node n,
               struct fuse_entry_param *out, struct reason *why)
{
    struct shown shown = {TEXT_INIT, 0};
    struct tree_stat st;
    uint64_t stream = 0;
    bool states = node_has_states(n);
    int err = states ? node_state(m, n, &shown, &stream, why) : 0;
    memset(out, 0, sizeof *out);
    if (err == 0)
        err = tree_stat(&m->primo, caller, n, states ? &shown : NULL, &st, why);
    if (err == 0) {
        attr_fill(&st, &out->attr);
        out->generation = 1; /* ids are never used again */
        out->ino =
            states ? states_look_up(&m->states, n, &shown, stream) : st.inode;
        out->entry_timeout = name_seconds(n, &st);
        out->attr_timeout = attr_seconds(n, &st);
    }
    text_release(&shown.text);
    return err;
}

void entry_forget(struct mount *m, const struct fuse_entry_param *entry)
{
    states_forget(&m->states, entry->ino, 1);
}
