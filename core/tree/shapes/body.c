/* Files of a finished model: they lie in the state directory and never change,
 * so that the kernel may keep all of them. */
#include "core/models/model.h"
#include "core/tree/shapes/common.h"

#include <errno.h>

static bool body_exists(struct primo *primo, struct node n)
{
    return model_file_size(primo, n.object, node_row(n)->name) >= 0;
}

static int body_stat(const struct stat_request *r, struct tree_stat *out,
                     struct reason *why)
{
    int64_t size =
        model_file_size(r->primo, r->node.object, node_row(r->node)->name);
    (void)why;
    if (size < 0)
        return -ENOENT;
    out->size = (uint64_t)size;
    return 0;
}

static int body_file_open(struct handle *h, const struct text *text,
                          struct reason *why)
{
    (void)text;
    h->fd =
        model_file_open(h->primo, h->node.object, node_row(h->node)->name, why);
    return h->fd < 0 ? h->fd : 0;
}

static int body_read(struct handle *h, uint64_t offset, size_t size,
                     struct text *out, struct reason *why)
{
    return handle_read_file(h->fd, offset, size, out, why);
}

const struct shape shape_body = {
    .mode = S_IFREG | 0444,
    .exists = body_exists,
    .stat = body_stat,
    .unlink = generated_unlink,
    .open = body_file_open,
    .read = body_read,
    .keeps_name = true,
    .keeps_attributes = true,
    .keeps_pages = true,
};
