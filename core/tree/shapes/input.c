/*
 * Inputs: the texts that users write. Each open stages a text of its own, which
 * is saved as a whole. Lines that were written from the beginning on, or
 * appended, are checked within the write that completes them, so that a shell
 * hears of a fault; everything else is checked when the text is saved.
 */
#include "core/basic/alloc.h"
#include "core/basic/name.h"
#include "core/clients/scratch.h"
#include "core/system/file.h"
#include "core/tree/shapes/common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What an open input keeps: how far its staged text is checked. */
struct checked {
    struct settings_check check; /* has seen the lines in text[0 .. size) */
    size_t size;
    bool disordered; /* not written in order: checked only when it is saved */
};

static int input_accept(struct primo *primo, const struct row *row,
                        const struct object *o, const char *name,
                        struct reason *why)
{
    (void)name;
    return input_text_check(primo, row, &o->body, why);
}

/* Checks the complete lines of the staged text that have not been checked yet.
 */
static int check_lines(struct handle *h, struct reason *why)
{
    struct checked *c = h->own;
    const struct text *t = handle_text(h);
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

/* Checks the text from its first line on. An existing text may be faulty, if it
 * is a scratch file; then lines that are appended cannot be checked by
 * themselves. */
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
    (void)text;
    h->own = xcalloc(1, sizeof(struct checked));
    int err = handle_load_text(h, why);
    if (err == 0 && wants_write(h->flags))
        check_restart(h);
    return err;
}

static void input_close(struct handle *h)
{
    free(h->own);
}

/* A handle without changes of its own shows the saved text. The last text stays
 * if the file is gone, or if the user may not have more texts open. */
static void refresh(struct handle *h)
{
    struct object o = OBJECT_INIT;
    handles_settle(&h->primo->handles, h->node.object);
    if (object_load(h->primo, h->node.object, &o) == 0)
        handle_show(h, &o.body, NULL);
    object_release(&o);
}

static int input_read(struct handle *h, uint64_t offset, size_t size,
                      struct text *out, struct reason *why)
{
    bool anew = offset == 0 && !h->dirty && !h->emptied;
    int err = anew ? handle_may(h, RIGHT_VIEW, why) : 0;
    if (err)
        return err;
    if (anew)
        refresh(h);
    return handle_read_text(h, offset, size, out, why);
}

/* Refuses a write, and forgets a file that this open made. */
static int write_refused(struct handle *h, int err, const struct reason *why)
{
    handle_refused(h, err, why);
    h->dirty = false;
    if (h->fresh)
        input_discard(h->primo, h->node);
    return err;
}

static uint64_t length(const struct handle *h)
{
    return handle_text(h)->size + h->zeroes;
}

/* Stages what is written and, if `check` is true, checks the lines that this
 * completes. If they are refused, the text becomes what it was before. */
static int write_checked(struct handle *h, size_t offset, const char *data,
                         size_t size, bool check, struct reason *why)
{
    struct text over = TEXT_INIT; /* the bytes that are written over */
    size_t before = h->text.size, left = offset < before ? before - offset : 0;
    uint64_t end = length(h), zeroes = h->zeroes;
    if (left)
        text_add(&over, h->text.data + offset, left < size ? left : size);
    text_write(&h->text, offset, data, size);
    h->zeroes = end > h->text.size ? end - h->text.size : 0;
    int err = check ? check_lines(h, why) : 0;
    if (err) {
        memcpy(h->text.data + offset, text_string(&over), over.size);
        stage_cut(h, before);
        h->zeroes = zeroes;
    }
    text_release(&over);
    return err;
}

static int refuse_size(bool scratch, struct reason *why)
{
    size_t most = scratch ? SCRATCH_FILE_SIZE : INPUT_BYTES;
    return refuse(why, scratch ? ENOSPC : EFBIG,
                  "a text must have at most %zu KiB", most >> 10);
}

static int input_write(struct handle *h, uint64_t offset, const char *data,
                       size_t size, struct reason *why)
{
    struct checked *c = h->own;
    bool scratch = handle_is_scratch(h);
    size_t most = scratch ? SCRATCH_FILE_SIZE : INPUT_BYTES;
    if (h->flags & O_APPEND)
        offset = length(h);
    int err = offset + size > most ? refuse_size(scratch, why)
                                   : stage_text(h, offset + size, why);
    if (err)
        return write_refused(h, err, why);
    if (offset < c->size || offset > length(h))
        c->disordered = true;
    err = write_checked(h, (size_t)offset, data, size,
                        !scratch && !c->disordered, why);
    /* Shells do not look at what close says: that the disk is full must be said
     * here. */
    if (err == 0 && !scratch)
        err = store_room(h->primo->store, length(h), why);
    if (err)
        return write_refused(h, err, why);
    h->dirty = true;
    handle_written(h);
    return 0;
}

/* Lengthening a text costs no memory until something is written: only the
 * number of zeroes at its end is kept. */
static int input_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    uint64_t before = length(h);
    if (size > SCRATCH_FILE_SIZE)
        return refuse_size(handle_is_scratch(h), why);
    int err = size ? stage_text(h, 0, why) : 0;
    if (size == 0)
        stage_nothing(h);
    if (err)
        return err;
    stage_cut(h, size);
    h->zeroes = size - h->text.size;
    h->emptied |= size == 0 && before > 0;
    h->dirty = size ? h->dirty || size != before : false;
    if (size == 0)
        h->refused = false;
    handle_written(h);
    check_restart(h);
    return 0;
}

static int save_text(struct handle *h, struct reason *why)
{
    struct save s = handle_save_of(h);
    struct text whole = TEXT_INIT;
    const struct text *text = handle_text(h);
    if (h->zeroes) {
        text_add(&whole, text_string(text), text->size);
        text_resize(&whole, (size_t)length(h));
        text = &whole;
    }
    int err = input_save(&s, text, why);
    text_release(&whole);
    return err;
}

static int save(struct handle *h, bool last, struct reason *why)
{
    int err = save_text(h, why);
    h->dirty = h->emptied = false;
    if (err == 0 && length(h))
        h->fresh = false;
    /* If the disk failed, not the text, a later close may still save it. */
    if (err && (last || (!is_full(err) && err != -EIO))) {
        handle_refused(h, err, why);
        if (h->fresh)
            input_discard(h->primo, h->node);
    }
    return err;
}

/* If the file was only emptied, this waits for the last close: a shell that
 * redirects output closes the file once before it writes. A new file is saved
 * even if nothing was written. */
static int input_save_due(struct handle *h, bool last, struct reason *why)
{
    struct object o = OBJECT_INIT;
    bool due = h->dirty || (last && h->emptied);
    if (h->fresh && object_load(h->primo, h->node.object, &o) == 0)
        due |= o.scratch && !name_is_scratch(o.name);
    object_release(&o);
    return due ? save(h, last, why) : 0;
}

const struct shape shape_input = {
    .mode = S_IFREG | 0644,
    .stat = object_stat,
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
