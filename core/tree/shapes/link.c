/* Links: the row's show function gives the target, or says that there is none;
 * then the link is not there. They come and go with models, so that the kernel
 * keeps nothing of them. */
#include "core/tree/shapes/common.h"

static bool link_exists(struct primo *primo, struct node n)
{
    struct shown target = {TEXT_INIT, 0};
    int err = tree_show(primo, n, &target, NULL);
    text_release(&target.text);
    return err == 0;
}

const struct shape shape_link = {
    .mode = S_IFLNK | 0777,
    .exists = link_exists,
    .stat = shown_stat,
    .unlink = generated_unlink,
};
