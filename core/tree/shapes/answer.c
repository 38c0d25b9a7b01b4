/*
 * Answers: a generated text for each request that has one. It goes with its
 * request. Each state, that of a revision, has a node id of its own; the name
 * is looked up each time, as not everybody may see it.
 */
#include "core/serve/intake.h"
#include "core/tree/shapes/common.h"

#include <errno.h>

static bool answer_exists(struct primo *primo, struct node n)
{
    struct object o = OBJECT_INIT;
    struct request r = {0};
    bool there = object_load(primo, n.object, &o) == 0 &&
                 request_decode(&o, &r) == 0 && r.answered;
    object_release(&o);
    return there;
}

static int answer_state(struct primo *primo, struct node n, struct shown *text,
                        uint64_t *stream, struct reason *why)
{
    *stream = 0;
    return tree_show(primo, n, text, why);
}

/* An answer whose picture has left in/ can be removed by itself. */
static int answer_unlink(struct primo *primo, const struct caller *caller,
                         struct node directory, struct node n,
                         struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct request r = {0};
    (void)caller;
    (void)directory;
    bool gone = object_load(primo, n.object, &o) == 0 &&
                request_decode(&o, &r) == 0 && r.gone;
    object_release(&o);
    return gone ? intake_unlink(primo, n.object, why)
                : refuse(why, EPERM, "an answer goes with its picture in in/");
}

const struct shape shape_answer = {
    .mode = S_IFREG | 0444,
    .exists = answer_exists,
    .stat = shown_stat,
    .state = answer_state,
    .unlink = answer_unlink,
    .open = shown_open,
    .read = handle_read_text,
    .keeps_attributes = true,
    .keeps_pages = true,
};
