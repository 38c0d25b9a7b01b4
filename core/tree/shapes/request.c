/*
 * Requests: pictures in inference/NAME/in/. What is written goes straight to
 * new bytes beside the store (core/inbox/spool.h), which take the place of the
 * old ones when the file is closed; the last writer's close makes it a request
 * (core/serve/intake.h). A file that is no picture is refused when it is
 * flushed, which its writer hears of; it is there all the same, and has an
 * answer that says so.
 */
#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/inbox/list.h"
#include "core/inbox/spool.h"
#include "core/rights/mode.h"
#include "core/serve/intake.h"
#include "core/settings/picture_mime.h"
#include "core/tree/gate.h"
#include "core/tree/shapes/common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What an open request keeps. */
struct writing {
    struct spooled spooled; /* the new bytes */
    bool named;             /* after fsync: the object names them already, */
    bool more;              /* but more was written since */
    uint64_t body;          /* the present bytes; 0 = none */
    bool completed;         /* its close was that of the last writer */
    bool lists;             /* it may become a list */
    struct text writer;     /* his rights, for a list; empty = not needed, or
                               somebody else wrote what is kept */
};

static bool request_exists(struct primo *primo, struct node n)
{
    struct object o = OBJECT_INIT;
    struct request r = {0};
    bool there = object_load(primo, n.object, &o) == 0 &&
                 request_decode(&o, &r) == 0 && !r.gone;
    object_release(&o);
    return there;
}

static int request_stat(const struct stat_request *r, struct tree_stat *out,
                        struct reason *why)
{
    const struct object *o = r->object;
    int64_t size = o->number ? spool_size(r->primo, o->id, o->number) : 0;
    object_stat(r, out, why);
    out->size = size < 0 ? 0 : (uint64_t)size;
    uint64_t written;
    int64_t mtime;
    if (handles_written(&r->primo->handles, o->id, &written, &mtime)) {
        out->size = written;
        out->mtime = mtime;
    }
    return 0;
}

static int request_make(struct primo *primo, const struct caller *caller,
                        struct node directory, const char *name, uint32_t mode,
                        struct node *out, struct reason *why)
{
    out->no = TREE_REQUEST;
    return intake_create(primo, caller, directory.object, name, mode,
                         &out->object, why);
}

static int request_unlink(struct primo *primo, const struct caller *caller,
                          struct node directory, struct node n,
                          struct reason *why)
{
    (void)caller;
    (void)directory;
    return intake_unlink(primo, n.object, why);
}

/* Whether the caller may take away the file that has the new name now. */
static int replace_may(struct primo *primo, const struct caller *caller,
                       struct node to, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = tree_may(primo, caller, to, RIGHT_EDIT, why);
    if (err == 0 && object_load(primo, to.object, &o) == 0)
        err = mode_may_replace(&primo->roles, caller, &o, why);
    object_release(&o);
    return err;
}

static int request_rename(struct primo *primo, const struct caller *caller,
                          struct node n, struct node directory,
                          const char *name, bool no_replace, struct reason *why)
{
    struct node to = {0};
    bool there = tree_find(primo, directory, name, &to, NULL) == 0;
    if (there && no_replace)
        return refuse(why, EEXIST, "'%s' exists", name);
    int err = replace_may(primo, caller, n, why);
    if (err == 0 && there)
        err = replace_may(primo, caller, to, why);
    if (err == 0)
        err = intake_rename(primo, n.object, name, there ? to.object : 0, why);
    return err;
}

/* Opening and reading */

static int open_to_read(struct handle *h, const struct object *o,
                        struct reason *why)
{
    struct body_key key = {h->caller.uid, o->number, ""};
    if (!o->number)
        return 0;
    h->body = bodies_find(&h->primo->bodies, &key);
    if (h->body)
        return 0;
    int fd = spool_open(h->primo, o->id, o->number, why);
    return fd < 0 ? fd : bodies_add(&h->primo->bodies, &key, fd, &h->body, why);
}

/* Whoever has written a part only does not answer for the rest: a list is read
 * with his rights where nothing of somebody else's is kept. */
static void writer_note(struct handle *h, const struct object *o)
{
    struct writing *w = h->own;
    struct request r;
    w->lists = wants_write(h->flags) && list_may_become(o->name);
    bool own = !w->body || (o->writer == h->caller.uid &&
                            request_decode(o, &r) == 0 && r.writer[0]);
    if (w->lists && own)
        list_writer_print(&w->writer, &h->caller);
}

static int request_open(struct handle *h, const struct text *text,
                        struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct writing *w = xcalloc(1, sizeof *w);
    (void)text;
    h->own = w;
    int err = handle_load(h, &o, why);
    if (err == 0 && !wants_write(h->flags))
        err = open_to_read(h, &o, why);
    w->body = h->flags & O_TRUNC ? 0 : o.number;
    h->emptied = (h->flags & O_TRUNC) && o.number;
    if (err == 0)
        writer_note(h, &o);
    __atomic_store_n(&h->opened.mtime, o.mtime, __ATOMIC_RELAXED);
    object_release(&o);
    return err;
}

/* Others see the file grow. */
static void size_show(struct handle *h)
{
    const struct writing *w = h->own;
    uint64_t size = w->spooled.body ? spooled_size(&w->spooled) : 0;
    __atomic_store_n(&h->opened.size, (int64_t)size, __ATOMIC_RELAXED);
}

/* What is spooled takes a descriptor, which counts as the writer's. */
static int spool(struct handle *h, struct reason *why)
{
    struct writing *w = h->own;
    struct usage *u = &h->primo->usage;
    if (w->spooled.body)
        return 0;
    int err = usage_take(u, h->caller.uid, USAGE_DESCRIPTORS, 1, why);
    if (err)
        return err;
    err = spooled_begin(&w->spooled, h->primo, h->node.object, w->body, why);
    if (err)
        usage_give(u, h->caller.uid, USAGE_DESCRIPTORS, 1);
    return err;
}

static bool is_named(struct primo *primo, const struct spooled *s)
{
    struct object o = OBJECT_INIT;
    bool named = object_load(primo, s->request, &o) == 0 && o.number == s->body;
    object_release(&o);
    return named;
}

/* Bytes that fsync has named belong to the object, unless it has others by now:
 * whoever gave it those left these for us. */
static void spool_end(struct handle *h, void (*end)(struct spooled *s))
{
    struct writing *w = h->own;
    if (w->spooled.body)
        usage_give(&h->primo->usage, h->caller.uid, USAGE_DESCRIPTORS, 1);
    __atomic_store_n(&h->opened.keeps, 0, __ATOMIC_SEQ_CST);
    if (w->named)
        end = is_named(h->primo, &w->spooled) ? spooled_forget : spooled_drop;
    end(&w->spooled);
    w->named = false;
    size_show(h);
}

/* Of writers who close together, each may have seen the others still write. The
 * last one to be done completes the file for all. */
static void others_complete(struct handle *h)
{
    const struct writing *w = h->own;
    const struct closing closing = {
        .primo = h->primo,
        .request = h->node.object,
        .complete = true,
        .mtime = &h->opened.mtime,
        .caller = &h->caller,
        .writer = "",
    };
    if (handles_end(&h->primo->handles, &h->opened) && !w->completed)
        intake_close(&closing, NULL);
}

static void request_close(struct handle *h)
{
    struct writing *w = h->own;
    spool_end(h, spooled_drop);
    if (wants_write(h->flags))
        others_complete(h);
    text_release(&w->writer);
    free(w);
}

/* Reads what was written through this handle, or else the present bytes. */
static int request_read(struct handle *h, uint64_t offset, size_t size,
                        struct text *out, struct reason *why)
{
    const struct writing *w = h->own;
    if (h->body || w->spooled.body)
        return handle_read_file(h->body ? h->body->fd : w->spooled.fd, offset,
                                size, out, why);
    if (!w->body)
        return 0;
    int fd = spool_open(h->primo, h->node.object, w->body, why);
    if (fd < 0)
        return fd;
    int err = handle_read_file(fd, offset, size, out, why);
    close(fd);
    return err;
}

/* Writing */

static int request_write(struct handle *h, uint64_t offset, const char *data,
                         size_t size, struct reason *why)
{
    struct writing *w = h->own;
    int err = spool(h, why);
    uint64_t had = err ? 0 : spooled_size(&w->spooled);
    if (err == 0 && (h->flags & O_APPEND))
        offset = had;
    if (err == 0)
        err = spooled_write(&w->spooled, offset, data, size, why);
    if (err == -ENOSPC && w->spooled.body) /* what had room takes it no more */
        spooled_truncate(&w->spooled, had, NULL);
    if (err)
        return err;
    h->dirty = w->more = true;
    handle_written(h);
    size_show(h);
    return 0;
}

static int request_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    struct writing *w = h->own;
    if (size == 0) {
        h->emptied |= w->body || w->named;
        h->dirty = false;
        w->body = 0;
        spool_end(h, spooled_drop);
        if (w->lists && !w->writer.size) /* all that comes now is his */
            list_writer_print(&w->writer, &h->caller);
        return 0;
    }
    int err = spool(h, why);
    if (err == 0)
        err = spooled_truncate(&w->spooled, size, why);
    h->dirty |= err == 0;
    w->more |= err == 0;
    size_show(h);
    return err;
}

/* Saving */

/* Whether the bytes so far are a request by their name and beginning. */
static int judge(struct handle *h, struct reason *why)
{
    const struct writing *w = h->own;
    struct object o = OBJECT_INIT;
    unsigned char head[PICTURE_MIME_BYTES];
    ssize_t n = pread(w->spooled.fd, head, sizeof head, 0);
    int err = object_load(h->primo, h->node.object, &o);
    if (err == 0 && n > 0 && !request_is_passing(o.name))
        err = intake_judge(h->primo, o.parent, o.name, head, (size_t)n, NULL,
                           why);
    object_release(&o);
    return err == -ENOENT ? 0 : err;
}

static int close_last(struct handle *h, bool wrote, struct reason *why)
{
    struct writing *w = h->own;
    const struct closing closing = {
        .primo = h->primo,
        .request = h->node.object,
        .body = w->spooled.body,
        .wrote = wrote,
        .complete = !handles_others_write(&h->primo->handles, &h->opened),
        .mtime = &h->opened.mtime,
        .caller = &h->caller,
        .writer = text_string(&w->writer),
    };
    int err = intake_close(&closing, why);
    w->completed = err == 0 && closing.complete;
    if (err == 0 && wrote)
        spool_end(h, spooled_forget);
    h->dirty = h->emptied = h->fresh = false;
    return err == -ENOENT ? 0 : err;
}

/* Whether fsync has put all that was written into the file. Whoever has written
 * the file anew since then is not to lose that. */
static bool is_synced(const struct handle *h)
{
    const struct writing *w = h->own;
    return w->named && !w->more;
}

/* A program may close a copy of its descriptor while it still writes: what was
 * written counts at the last close, and until then it is only judged. */
static int request_save(struct handle *h, bool last, struct reason *why)
{
    bool wrote = (h->dirty || h->emptied || h->fresh) && !is_synced(h);
    if (last)
        return close_last(h, wrote, why);
    return h->dirty ? judge(h, why) : 0;
}

/* What was written so far is durable, in a file that is not complete yet.
 * Should the daemon end before its writer closes it, it is (intake_finish()).
 */
static int request_sync(struct handle *h, struct reason *why)
{
    struct writing *w = h->own;
    const struct closing closing = {
        .primo = h->primo,
        .request = h->node.object,
        .body = w->spooled.body,
        .wrote = true,
        .durable = true,
        .mtime = &h->opened.mtime,
        .caller = &h->caller,
        .writer = text_string(&w->writer),
    };
    if (!h->dirty || is_synced(h))
        return 0;
    /* another writer's close must not remove what this one goes on with */
    __atomic_store_n(&h->opened.keeps, closing.body, __ATOMIC_SEQ_CST);
    int err = intake_close(&closing, why);
    w->named |= err == 0;
    w->more &= err != 0;
    return err == -ENOENT ? 0 : err;
}

/* Who may see it differs from user to user, and so the kernel keeps nothing. */
const struct shape shape_request = {
    .mode = S_IFREG | 0644,
    .exists = request_exists,
    .stat = request_stat,
    .unlink = request_unlink,
    .change = input_change,
    .make = request_make,
    .rename = request_rename,
    .open = request_open,
    .close = request_close,
    .read = request_read,
    .write = request_write,
    .truncate = request_truncate,
    .save = request_save,
    .sync = request_sync,
    .is_input = true,
    .shows_writing = true,
    .awaits_room = true,
    .direct_io = true,
};
