/* Files that have no text until something has happened. Reads do not block
 * here: fs/ keeps a request that got nothing, and answers it when there is a
 * text. */
#include "core/tree/shapes/common.h"

static int wait_read(struct handle *h, uint64_t offset, size_t size,
                     struct text *out, struct reason *why)
{
    struct shown now = {TEXT_INIT, 0};
    (void)size;
    if (offset)
        return 0;
    int err = tree_show(h->primo, h->node, &now, why);
    text_move(out, &now.text);
    return err;
}

const struct shape shape_wait = {
    .mode = S_IFREG | 0444,
    .stat = shown_stat,
    .unlink = generated_unlink,
    .read = wait_read,
    .follows = true,
    .waits = true,
    .keeps_name = true,
    .direct_io = true,
};
