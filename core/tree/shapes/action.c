/*
 * Actions: files that read as empty, and do something when they are touched or
 * when something is written to them, at most once per open. What the first
 * write says goes with it; most actions do not care.
 */
#include "core/tree/shapes/common.h"

#include <string.h>

enum { SAID_MOST = 4095 }; /* no path is longer; what follows is not said */

static int action_touch(struct primo *primo, const struct caller *caller,
                        struct node n, struct reason *why)
{
    return node_row(n)->act(primo, caller, n.object, "", why);
}

/* What is written, without blanks around it. */
static void said_take(struct text *said, const char *data, size_t size)
{
    const char *blanks = " \t\r\n";
    while (size && *data && strchr(blanks, *data)) {
        data++;
        size--;
    }
    size = strnlen(data, size < SAID_MOST ? size : SAID_MOST);
    while (size && strchr(blanks, data[size - 1]))
        size--;
    text_add(said, data, size);
}

/* Nothing is ever saved; `dirty` says that this open has done the action. */
static int action_write(struct handle *h, uint64_t offset, const char *data,
                        size_t size, struct reason *why)
{
    (void)offset;
    (void)data;
    if (!size || h->dirty)
        return 0;
    struct text said = TEXT_INIT;
    h->dirty = true;
    said_take(&said, data, size);
    int err = node_row(h->node)->act(h->primo, &h->caller, h->node.object,
                                     text_string(&said), why);
    text_release(&said);
    return err;
}

/* `echo > start` truncates the file first, which must not be taken for the
 * action itself. */
static int action_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    (void)h;
    (void)size;
    (void)why;
    return 0;
}

const struct shape shape_action = {
    .mode = S_IFREG | 0644,
    .stat = shown_stat,
    .unlink = generated_unlink,
    .touch = action_touch,
    .change = change_ignored,
    .write = action_write,
    .truncate = action_truncate,
    .acts = true,
    .keeps_name = true,
    .direct_io = true,
};
