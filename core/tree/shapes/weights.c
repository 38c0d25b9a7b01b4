#include "core/tree/handle_inside.h"

#include "core/basic/clock.h"
#include "core/basic/name.h"
#include "core/state/builtin.h"

#include <errno.h>
#include <unistd.h>

/* The built-in one is a text, all others are files. */
int weights_open(struct handle *h, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = handle_load(h, &o, why);
    if (err == 0 && wants_write(h->flags) && object_is_builtin(o.kind, o.name))
        err = refuse(why, EPERM, "'%s' is built in and cannot be written",
                     o.name);
    if (err == 0 && !wants_write(h->flags)) {
        text_add(&h->text, text_string(&o.body), o.body.size);
        h->fd = o.number ? body_open(h->primo, o.number, why) : -1;
        err = h->fd < -1 ? h->fd : 0;
    }
    h->body = h->flags & O_TRUNC ? 0 : o.number;
    h->opened.mtime = o.mtime;
    h->emptied = (h->flags & O_TRUNC) && o.number;
    object_release(&o);
    return err;
}

/* What was written through it, or what it would be written over. */
int weights_read(struct handle *h, uint64_t offset, size_t size,
                 struct text *out, struct reason *why)
{
    if (h->fd >= 0 || h->staged.id)
        return handle_read_body(h->fd >= 0 ? h->fd : h->staged.fd, offset, size,
                                out, why);
    if (!h->body)
        return handle_read_text(h, offset, size, out);
    int fd = body_open(h->primo, h->body, why);
    if (fd < 0)
        return fd;
    int err = handle_read_body(fd, offset, size, out, why);
    close(fd);
    return err;
}

static int weights_stage(struct handle *h, struct reason *why)
{
    return h->staged.id ? 0 : staged_begin(&h->staged, h->primo, h->body, why);
}

/* Room is given back at once: a full disk is everybody's. */
static int weights_refused(struct handle *h, int err, const struct reason *why)
{
    staged_drop(&h->staged);
    handle_refused(h, err, why);
    h->dirty = h->emptied = false;
    if (h->fresh)
        input_discard(h->primo, h->node);
    return err;
}

int weights_write(struct handle *h, uint64_t offset, const char *data,
                  size_t size, struct reason *why)
{
    struct object o = OBJECT_INIT;
    bool scratch = object_load(h->primo, h->node.object, &o) == 0 &&
                   name_is_scratch(o.name);
    object_release(&o);
    int err = weights_stage(h, why);
    if (err == 0 && (h->flags & O_APPEND))
        offset = staged_size(&h->staged);
    if (err == 0)
        err = staged_write(&h->staged, offset, data, size, !scratch && !h->body,
                           why);
    if (err)
        return weights_refused(h, err, why);
    h->dirty = true;
    __atomic_store_n(&h->opened.mtime, clock_ns(), __ATOMIC_RELAXED);
    return 0;
}

int weights_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    if (size == 0) {
        h->emptied |= h->body != 0;
        h->dirty = h->refused = false;
        h->body = 0;
        staged_drop(&h->staged);
        return 0;
    }
    if (h->refused)
        return 0;
    int err = weights_stage(h, why);
    if (err == 0)
        err = staged_truncate(&h->staged, size, why);
    h->dirty |= err == 0;
    return err;
}

/* A copy that is not complete is no fault before the last close: a program may
 * close it once more than it writes it. */
int weights_save(struct handle *h, bool last, struct reason *why)
{
    int64_t mtime = __atomic_load_n(&h->opened.mtime, __ATOMIC_RELAXED);
    struct save save = {h->primo, &h->caller, h->node, mtime, h->fresh};
    bool cut = false;
    int err = weights_stage(h, why);
    if (err == 0)
        err = input_save_body(&save, h->staged.id, &cut, why);
    if (err == -ENOENT) { /* it was removed meanwhile */
        staged_drop(&h->staged);
        h->dirty = false;
        return 0;
    }
    if (err && cut && !last)
        return err;
    if (err)
        return weights_refused(h, err, why);
    h->body = h->staged.id;
    staged_forget(&h->staged);
    h->dirty = h->emptied = h->fresh = false;
    return 0;
}
