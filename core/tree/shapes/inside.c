#include "core/tree/handle_inside.h"

#include "core/tree/gate.h"

#include <errno.h>
#include <unistd.h>

int handle_load(struct handle *h, struct object *o, struct reason *why)
{
    handles_settle(&h->primo->handles, h->node.object);
    if (object_load(h->primo, h->node.object, o))
        return refuse(why, ENOENT, "the file is gone");
    return h->fresh
               ? 0
               : tree_mode_may(h->primo, &h->caller, o, wants_read(h->flags),
                               wants_write(h->flags), why);
}

void handle_refused(struct handle *h, int err, const struct reason *why)
{
    h->refused = true;
    h->why = why ? *why : (struct reason){.code = -err};
}

/* Reading */

int handle_read_body(int fd, uint64_t offset, size_t size, struct text *out,
                     struct reason *why)
{
    size_t had = out->size;
    text_resize(out, had + size);
    ssize_t n = pread(fd, out->data + had, size, (off_t)offset);
    int code = errno;
    text_resize(out, had + (n > 0 ? (size_t)n : 0));
    return n < 0 ? refuse_errno(why, code, "the model cannot be read") : 0;
}

/* A handle without changes of its own shows what is saved; a polled text its
 * new state. Where the file is gone, the last state stays. */
static void refresh(struct handle *h)
{
    const struct row *row = node_row(h->node);
    bool input = row->shape == SHAPE_INPUT && !h->dirty && !h->emptied;
    bool polled = row->polled && h->read_once;
    struct shown now = {TEXT_INIT, 0};
    if (!input && !polled)
        return;
    if (input)
        handles_settle(&h->primo->handles, h->node.object);
    if (tree_show(h->primo, h->node, &now, NULL) == 0) {
        text_move(&h->text, &now.text);
        h->renewed = polled;
        h->renewed_time = now.mtime;
    }
    text_release(&now.text);
}

int handle_read_text(struct handle *h, uint64_t offset, size_t size,
                     struct text *out)
{
    if (offset == 0)
        refresh(h);
    h->read_once = true;
    if (offset < h->text.size) {
        size_t left = h->text.size - offset;
        text_add(out, h->text.data + offset, left < size ? left : size);
    }
    return 0;
}
