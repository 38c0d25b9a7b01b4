/* Files of a finished model: they are in the state directory and never change,
 * so that the kernel may cache everything. */
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
    struct body_key key = {h->caller.uid, h->node.object,
                           node_row(h->node)->name};
    h->body = bodies_find(&h->primo->bodies, &key);
    if (h->body)
        return 0;
    int fd = model_file_open(h->primo, key.object, key.name, why);
    return fd < 0 ? fd : bodies_add(&h->primo->bodies, &key, fd, &h->body, why);
}

static int body_read(struct handle *h, uint64_t offset, size_t size,
                     struct text *out, struct reason *why)
{
    return handle_read_file(h->body->fd, offset, size, out, why);
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
