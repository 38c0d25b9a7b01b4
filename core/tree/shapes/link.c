/* Links: the row's show function gives the target; if it fails, the link does
 * not exist. Links come and go with models, so that the kernel must not cache
 * anything. */
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
