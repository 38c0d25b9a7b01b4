/*
 * Base models: inputs that are large files. What is written goes straight to a
 * new body beside the store (base_file.h), which takes the place of the old one
 * when it is saved. The built-in base is a text in its object.
 */
#include "core/basic/alloc.h"
#include "core/models/base_file.h"
#include "core/state/builtin.h"
#include "core/tree/shapes/common.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* What an open base model keeps. */
struct weights {
    struct staged staged; /* the new body */
    uint64_t body;        /* the present body that is written over; 0 = none */
};

static int weights_stat(const struct stat_request *r, struct tree_stat *out,
                        struct reason *why)
{
    int64_t size = 0;
    (void)why;
    if (r->object->number)
        size = body_size(r->primo, r->object->number);
    else
        size = (int64_t)r->object->body.size;
    out->mode = S_IFREG | (r->object->mode & 0777);
    out->uid = r->object->uid;
    out->gid = r->object->gid;
    out->size = size < 0 ? 0 : (uint64_t)size;
    return 0;
}

static int weights_accept(struct primo *primo, const struct row *row,
                          const struct object *o, const char *name,
                          struct reason *why)
{
    (void)row;
    if (object_is_builtin(o->kind, name))
        return refuse(why, EPERM, "'%s' is built in and cannot be replaced",
                      name);
    if (!o->number)
        return refuse(why, EINVAL, "an empty file is not a base model");
    return body_check(primo, o->number, NULL, why);
}

static int open_to_read(struct handle *h, struct object *o, struct reason *why)
{
    struct body_key key = {h->caller.uid, o->number, ""};
    if (!o->number)
        return handle_show(h, &o->body, why);
    h->body = bodies_find(&h->primo->bodies, &key);
    if (h->body)
        return 0;
    int fd = body_open(h->primo, o->number, why);
    return fd < 0 ? fd : bodies_add(&h->primo->bodies, &key, fd, &h->body, why);
}

static int weights_open(struct handle *h, const struct text *text,
                        struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct weights *w = xcalloc(1, sizeof *w);
    (void)text;
    h->own = w;
    int err = handle_load(h, &o, why);
    if (err == 0 && !wants_write(h->flags))
        err = open_to_read(h, &o, why);
    else if (err == 0 && object_is_builtin(o.kind, o.name))
        err = refuse(why, EPERM, "'%s' is built in and cannot be written",
                     o.name);
    w->body = h->flags & O_TRUNC ? 0 : o.number;
    __atomic_store_n(&h->opened.mtime, o.mtime, __ATOMIC_RELAXED);
    h->emptied = (h->flags & O_TRUNC) && o.number;
    object_release(&o);
    return err;
}

/* What is staged takes a descriptor, which counts as the writer's. */
static int stage(struct handle *h, struct reason *why)
{
    struct weights *w = h->own;
    struct usage *u = &h->primo->usage;
    if (w->staged.id)
        return 0;
    int err = usage_take(u, h->caller.uid, USAGE_DESCRIPTORS, 1, why);
    if (err)
        return err;
    err = staged_begin(&w->staged, h->primo, w->body, why);
    if (err)
        usage_give(u, h->caller.uid, USAGE_DESCRIPTORS, 1);
    return err;
}

static void staged_end(struct handle *h, void (*end)(struct staged *s))
{
    struct weights *w = h->own;
    if (w->staged.id)
        usage_give(&h->primo->usage, h->caller.uid, USAGE_DESCRIPTORS, 1);
    end(&w->staged);
}

static void unstage(struct handle *h)
{
    staged_end(h, staged_drop);
}

static void weights_close(struct handle *h)
{
    unstage(h);
    free(h->own);
}

/* Reads what was written through this handle, or else the present body. */
static int weights_read(struct handle *h, uint64_t offset, size_t size,
                        struct text *out, struct reason *why)
{
    const struct weights *w = h->own;
    if (h->body || w->staged.id)
        return handle_read_file(h->body ? h->body->fd : w->staged.fd, offset,
                                size, out, why);
    if (!w->body)
        return handle_read_text(h, offset, size, out, why);
    int fd = body_open(h->primo, w->body, why);
    if (fd < 0)
        return fd;
    int err = handle_read_file(fd, offset, size, out, why);
    close(fd);
    return err;
}

/* The staged body is dropped at once, because a full disk affects everybody. */
static int weights_refused(struct handle *h, int err, const struct reason *why)
{
    unstage(h);
    handle_refused(h, err, why);
    h->dirty = h->emptied = false;
    if (h->fresh)
        input_discard(h->primo, h->node);
    return err;
}

/* The header is checked as it comes in, so that a wrong file is refused before
 * gigabytes have been copied. It is not checked in a scratch file, which may
 * still become anything, nor if an existing body is changed, which has its
 * header. */
static int weights_write(struct handle *h, uint64_t offset, const char *data,
                         size_t size, struct reason *why)
{
    struct weights *w = h->own;
    bool scratch = handle_is_scratch(h);
    int err = stage(h, why);
    if (err == 0 && (h->flags & O_APPEND))
        offset = staged_size(&w->staged);
    if (err == 0)
        err = staged_write(&w->staged, offset, data, size, !scratch && !w->body,
                           why);
    if (err)
        return weights_refused(h, err, why);
    h->dirty = true;
    handle_written(h);
    return 0;
}

static uint64_t weights_staged(struct handle *h)
{
    return staged_size(&((struct weights *)h->own)->staged);
}

static int weights_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    struct weights *w = h->own;
    if (size == 0) {
        h->emptied |= w->body != 0;
        h->dirty = h->refused = false;
        w->body = 0;
        unstage(h);
        return 0;
    }
    if (h->refused)
        return 0;
    int err = stage(h, why);
    if (err == 0)
        err = staged_truncate(&w->staged, size, why);
    h->dirty |= err == 0;
    return err;
}

/* An incomplete copy is an error only at the last close: a program may close a
 * duplicate of the descriptor while it still writes. */
static int save(struct handle *h, bool last, struct reason *why)
{
    struct weights *w = h->own;
    struct save s = handle_save_of(h);
    bool cut = false;
    int err = stage(h, why);
    if (err == 0)
        err = input_save_body(&s, w->staged.id, &cut, why);
    if (err == -ENOENT) { /* the file has been removed */
        unstage(h);
        h->dirty = false;
        return 0;
    }
    if (err && cut && !last)
        return err;
    if (err)
        return weights_refused(h, err, why);
    w->body = w->staged.id;
    staged_end(h, staged_forget);
    h->dirty = h->emptied = h->fresh = false;
    return 0;
}

/* If the file was only emptied, this waits for the last close, as for texts. A
 * new file that is still empty then is refused: it is no base model. */
static int weights_save(struct handle *h, bool last, struct reason *why)
{
    bool due = h->dirty || (last && (h->emptied || h->fresh));
    return due ? save(h, last, why) : 0;
}

const struct shape shape_weights = {
    .mode = S_IFREG | 0644,
    .stat = weights_stat,
    .unlink = input_unlink,
    .change = input_change,
    .accept = weights_accept,
    .open = weights_open,
    .close = weights_close,
    .read = weights_read,
    .write = weights_write,
    .truncate = weights_truncate,
    .staged = weights_staged,
    .save = weights_save,
    .is_input = true,
    .keeps_name = true,
    .keeps_attributes = true,
    .direct_io = true,
};
