/*
 * The queue of a process: a text of lines that a machine works off from its
 * beginning while users edit it (core/process/queue.h). An open stages the
 * whole text and saves it as a whole; what is appended joins the lines that are
 * there at that moment, so that nobody's are lost. Lines that are written in
 * order are checked within the write that completes them, so that a shell hears
 * of a fault.
 */
#include "core/process/queue.h"
#include "core/tree/shapes/common.h"

#include <errno.h>
#include <string.h>

/* A shell may have just emptied it, and its last close be on the way. */
static int queue_stat(const struct stat_request *r, struct tree_stat *out,
                      struct reason *why)
{
    handles_settle(&r->primo->handles, r->node.object);
    return shown_stat(r, out, why);
}

static int queue_open(struct handle *h, const struct text *text,
                      struct reason *why)
{
    (void)text;
    handles_settle(&h->primo->handles, h->node.object);
    int err = shown_open(h, NULL, why);
    if (err == 0 && (h->flags & O_TRUNC)) {
        h->emptied = handle_text(h)->size > 0;
        stage_nothing(h);
    }
    return err;
}

/* Checks the complete lines from the one on that has this place. */
static int lines_check(struct handle *h, size_t from, struct reason *why)
{
    const char *at = handle_text(h)->data;
    size_t end = handle_text(h)->size;
    while (from > 0 && at[from - 1] != '\n')
        from--;
    while (end > from && at[end - 1] != '\n')
        end--;
    return end > from ? queue_check(h->primo, h->node.object, at + from,
                                    end - from, why)
                      : 0;
}

static int queue_write(struct handle *h, uint64_t offset, const char *data,
                       size_t size, struct reason *why)
{
    if ((h->flags & O_APPEND) && !h->dirty)
        stage_nothing(h); /* only what is appended is staged */
    if (h->flags & O_APPEND)
        offset = handle_text(h)->size;
    bool in_order = offset == handle_text(h)->size;
    int err = offset + size > QUEUE_BYTES
                  ? refuse(why, EFBIG, "a queue must have at most %d KiB",
                           QUEUE_BYTES >> 10)
                  : stage_text(h, offset + size, why);
    if (err == 0) {
        text_write(&h->text, (size_t)offset, data, size);
        h->dirty = true;
        err = in_order ? lines_check(h, (size_t)offset, why) : 0;
    }
    if (err)
        handle_refused(h, err, why);
    return err;
}

static int queue_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    if (size > QUEUE_BYTES)
        return refuse(why, EFBIG, "a queue must have at most %d KiB",
                      QUEUE_BYTES >> 10);
    return stage_truncate(h, size, why);
}

static int queue_store(struct handle *h, bool last, struct reason *why)
{
    bool append = (h->flags & O_APPEND) && !h->emptied;
    if (!h->dirty && !(last && h->emptied))
        return 0;
    int err = queue_save(h->primo, &h->caller, h->node.object, handle_text(h),
                         append, why);
    h->dirty = h->emptied = false;
    if (err)
        handle_refused(h, err, why);
    return err;
}

static int queue_take(struct primo *primo, const struct caller *caller,
                      struct node n, const struct text *text,
                      struct reason *why)
{
    return queue_save(primo, caller, n.object, text, false, why);
}

const struct shape shape_queue = {
    .mode = S_IFREG | 0644,
    .stat = queue_stat,
    .unlink = generated_unlink,
    .change = change_ignored,
    .rename = aside_from,
    .take = queue_take,
    .open = queue_open,
    .read = handle_read_text,
    .write = queue_write,
    .truncate = queue_truncate,
    .save = queue_store,
    .direct_io = true,
};
