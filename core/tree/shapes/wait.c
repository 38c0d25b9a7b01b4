/* Files that have no text until something has happened. Reads do not block
 * here: fs/ keeps a request that got nothing, and answers it when there is a
 * text. */
#include "core/tree/shapes/common.h"

const struct shape shape_wait = {
    .mode = S_IFREG | 0444,
    .stat = awaited_text_stat,
    .unlink = generated_unlink,
    .read = awaited_text_read,
    .follows = true,
    .waits = true,
    .direct_io = true,
};
