/* Generated texts that show to each user only what is his, unless he may view
 * all: so nothing of them is cached. One open sees one state. */
#include "core/tree/gate.h"
#include "core/tree/shapes/common.h"

struct personal {
    struct shown shown;
    const uid_t *only;
};

static int take_shown(struct show_request *r, struct node n, void *context,
                      struct reason *why)
{
    struct personal *p = context;
    r->only = p->only;
    int err = node_row(n)->show(r, &p->shown.text, why);
    p->shown.mtime = r->mtime ? r->mtime : r->primo->opened;
    return err;
}

static int personal_show(struct primo *primo, const struct caller *caller,
                         struct node n, struct shown *out, struct reason *why)
{
    struct personal p = {.only = NULL};
    if (caller && !tree_views(primo, caller, n))
        p.only = &caller->uid;
    int err = tree_request(primo, n, take_shown, &p, why);
    *out = p.shown;
    return err;
}

static int personal_stat(const struct stat_request *r, struct tree_stat *out,
                         struct reason *why)
{
    struct shown now = {TEXT_INIT, 0};
    int err = personal_show(r->primo, r->caller, r->node, &now, why);
    out->size = now.text.size;
    out->mtime = now.mtime;
    text_release(&now.text);
    return err;
}

static int personal_open(struct handle *h, const struct text *text,
                         struct reason *why)
{
    struct shown now = {TEXT_INIT, 0};
    (void)text;
    int err = personal_show(h->primo, &h->caller, h->node, &now, why);
    if (err == 0)
        err = handle_show(h, &now.text, why);
    text_release(&now.text);
    return err;
}

const struct shape shape_personal = {
    .mode = S_IFREG | 0444,
    .stat = personal_stat,
    .unlink = generated_unlink,
    .open = personal_open,
    .read = handle_read_text,
    .keeps_name = true,
    .direct_io = true,
};
