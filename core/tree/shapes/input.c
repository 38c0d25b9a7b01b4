/*
 * Inputs: the texts that users write. Each open stages a text of its own, which
 * is saved as a whole. Lines that were written from the beginning on, or
 * appended, are checked within the write that completes them, so that a shell
 * hears of a fault; everything else is checked when the text is saved.
 */
#include "core/basic/alloc.h"
#include "core/basic/file.h"
#include "core/basic/name.h"
#include "core/state/scratch.h"
#include "core/tree/shapes/common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What an open input keeps: how far its staged text is checked. */
struct checked {
    struct settings_check check; /* of the lines in text[0 .. size) */
    size_t size;
    bool disordered; /* written into the middle: checked when it is saved */
};

static int input_stat(const struct stat_request *r, struct tree_stat *out,
                      struct reason *why)
{
    const struct object *o = r->object;
    (void)why;
    out->mode = S_IFREG | (o->mode & 0777);
    out->uid = o->uid;
    out->gid = o->gid;
    out->size = o->body.size;
    return 0;
}

static int input_accept(struct primo *primo, const struct row *row,
                        const struct object *o, const char *name,
                        struct reason *why)
{
    (void)name;
    return input_text_check(primo, row, &o->body, why);
}

/* Note how far the lines of the staged text are known to be right. */
static int check_lines(struct handle *h, struct reason *why)
{
    struct checked *c = h->own;
    const struct text *t = &h->text;
    while (c->size < t->size) {
        const char *line = t->data + c->size;
        const char *end = memchr(line, '\n', t->size - c->size);
        if (!end)
            return 0;
        int err =
            settings_line(&c->check, line, (size_t)(end - line), NULL, "", why);
        if (err)
            return err;
        c->size += (size_t)(end - line) + 1;
    }
    return 0;
}

/* A text that is there already may be faulty, in a scratch file: then its lines
 * say nothing of those that follow. */
static void check_restart(struct handle *h)
{
    struct checked *c = h->own;
    c->check = input_check(h->primo, node_row(h->node));
    c->size = 0;
    c->disordered = check_lines(h, NULL) != 0;
}

static int input_open(struct handle *h, const struct text *text,
                      struct reason *why)
{
    struct object o = OBJECT_INIT;
    (void)text;
    h->own = xcalloc(1, sizeof(struct checked));
    int err = handle_load(h, &o, why);
    if (err == 0 && !(h->flags & O_TRUNC))
        text_add(&h->text, text_string(&o.body), o.body.size);
    h->opened.mtime = o.mtime;
    h->emptied = (h->flags & O_TRUNC) && o.body.size > 0;
    object_release(&o);
    if (err == 0 && wants_write(h->flags))
        check_restart(h);
    return err;
}

static void input_close(struct handle *h)
{
    free(h->own);
}

/* A handle without changes of its own shows what is saved. Where the file is
 * gone, the last text stays. */
static void refresh(struct handle *h)
{
    struct object o = OBJECT_INIT;
    handles_settle(&h->primo->handles, h->node.object);
    if (object_load(h->primo, h->node.object, &o) == 0)
        text_move(&h->text, &o.body);
    object_release(&o);
}

static int input_read(struct handle *h, uint64_t offset, size_t size,
                      struct text *out, struct reason *why)
{
    if (offset == 0 && !h->dirty && !h->emptied)
        refresh(h);
    return handle_read_text(h, offset, size, out, why);
}

/* The staged text was refused: keep what was there before. */
static int write_refused(struct handle *h, struct text *before, int err,
                         const struct reason *why)
{
    text_move(&h->text, before);
    handle_refused(h, err, why);
    h->dirty = false;
    if (h->fresh)
        input_discard(h->primo, h->node);
    return err;
}

static int input_write(struct handle *h, uint64_t offset, const char *data,
                       size_t size, struct reason *why)
{
    struct checked *c = h->own;
    struct object o = OBJECT_INIT;
    bool named = object_load(h->primo, h->node.object, &o) == 0;
    bool scratch = named && name_is_scratch(o.name);
    object_release(&o);
    size_t most = scratch ? SCRATCH_FILE_SIZE : INPUT_BYTES;
    struct text before = TEXT_INIT;
    text_add(&before, text_string(&h->text), h->text.size);
    if (h->flags & O_APPEND)
        offset = h->text.size;
    if (offset + size > most)
        return write_refused(h, &before,
                             refuse(why, scratch ? ENOSPC : EFBIG,
                                    "a text must have at most %zu KiB",
                                    most >> 10),
                             why);
    if (offset < c->size || offset > h->text.size)
        c->disordered = true;
    text_write(&h->text, (size_t)offset, data, size);
    int err = scratch || c->disordered ? 0 : check_lines(h, why);
    if (err)
        return write_refused(h, &before, err, why);
    text_release(&before);
    h->dirty = true;
    handle_written(h);
    return 0;
}

static int input_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    int err = staged_text_truncate(h, size, why);
    if (err == 0)
        check_restart(h);
    return err;
}

static int save(struct handle *h, struct reason *why)
{
    struct save s = handle_save_of(h);
    int err = input_save(&s, &h->text, why);
    h->dirty = h->emptied = false;
    if (err == 0 && h->text.size)
        h->fresh = false;
    /* Where the disk failed, not the text, what was written may be saved yet.
     */
    if (err && !is_full(err) && err != -EIO) {
        handle_refused(h, err, why);
        if (h->fresh)
            input_discard(h->primo, h->node);
    }
    return err;
}

/* Emptying alone waits for the last close: shells close the file once before
 * they write it. A new file is saved even when nothing was written. */
static int input_save_due(struct handle *h, bool last, struct reason *why)
{
    struct object o = OBJECT_INIT;
    bool due = h->dirty || (last && h->emptied);
    if (h->fresh && object_load(h->primo, h->node.object, &o) == 0)
        due |= o.scratch && !name_is_scratch(o.name);
    object_release(&o);
    return due ? save(h, why) : 0;
}

const struct shape shape_input = {
    .mode = S_IFREG | 0644,
    .stat = input_stat,
    .unlink = input_unlink,
    .change = input_change,
    .accept = input_accept,
    .open = input_open,
    .close = input_close,
    .read = input_read,
    .write = input_write,
    .truncate = input_truncate,
    .save = input_save_due,
    .is_input = true,
    .keeps_name = true,
    .keeps_attributes = true,
    .direct_io = true,
};
