/* Answers that are waited for: like the file `wait` of a process, but for each
 * request, and not everybody may see it. */
#include "core/inbox/request.h"
#include "core/tree/shapes/common.h"

#include <errno.h>

static int awaited_unlink(struct primo *primo, const struct caller *caller,
                          struct node directory, struct node n,
                          struct reason *why)
{
    (void)primo;
    (void)caller;
    (void)directory;
    (void)n;
    return refuse(why, EPERM, "an answer goes with its picture in in/");
}

const struct shape shape_awaited = {
    .mode = S_IFREG | 0444,
    .stat = awaited_text_stat,
    .unlink = awaited_unlink,
    .read = awaited_text_read,
    .follows = true,
    .waits = true,
    .direct_io = true,
};
