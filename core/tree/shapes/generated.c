/*
 * Generated texts: what the row's show function gives. One open sees one state
 * however often it is read. A polled text (struct row) takes the new state when
 * it is read again from its beginning.
 */
#include "core/tree/shapes/common.h"

#include "core/basic/alloc.h"

#include <stdlib.h>
#include <string.h>

/* What an open polled text keeps. */
struct polled {
    bool read_once;
    bool renewed;  /* handle_renewed() has yet to report the new state */
    int64_t mtime; /* ns: the time of that state */
};

static int generated_state(struct primo *primo, struct node n,
                           struct shown *text, uint64_t *stream,
                           struct reason *why)
{
    *stream = 0;
    return tree_show(primo, n, text, why);
}

static int generated_open(struct handle *h, const struct text *text,
                          struct reason *why)
{
    if (node_row(h->node)->polled) {
        h->own = xcalloc(1, sizeof(struct polled));
    }
    return shown_open(h, text, why);
}

static void generated_close(struct handle *h)
{
    free(h->own);
}

/* Takes the new state. The last one stays if the process has been removed, or
 * if the user may not have more texts open. */
static void renew(struct handle *h, struct polled *p)
{
    struct shown now = {TEXT_INIT, 0};
    if (tree_show(h->primo, h->node, &now, NULL) == 0 &&
        handle_show(h, &now.text, NULL) == 0) {
        p->renewed = true;
        p->mtime = now.mtime;
    }
    text_release(&now.text);
}

static int generated_read(struct handle *h, uint64_t offset, size_t size,
                          struct text *out, struct reason *why)
{
    struct polled *p = h->own;
    if (p && p->read_once && offset == 0)
        renew(h, p);
    if (p)
        p->read_once = true;
    return handle_read_text(h, offset, size, out, why);
}

static bool generated_has_news(struct handle *h)
{
    struct shown now = {TEXT_INIT, 0};
    const struct text *had = handle_text(h);
    bool news =
        h->own && tree_show(h->primo, h->node, &now, NULL) == 0 &&
        (now.text.size != had->size ||
         memcmp(text_string(&now.text), text_string(had), now.text.size));
    text_release(&now.text);
    return news;
}

static bool generated_renewed(struct handle *h, struct shown *out)
{
    struct polled *p = h->own;
    bool renewed = p && p->renewed;
    if (renewed) {
        text_add(&out->text, text_string(handle_text(h)), handle_text(h)->size);
        out->mtime = p->mtime;
        p->renewed = false;
    }
    return renewed;
}

/* Each state has a node id of its own, whose attributes and pages never change.
 * The name is looked up each time, because it leads to the newest state. */
const struct shape shape_generated = {
    .mode = S_IFREG | 0444,
    .stat = shown_stat,
    .state = generated_state,
    .unlink = generated_unlink,
    .open = generated_open,
    .close = generated_close,
    .read = generated_read,
    .has_news = generated_has_news,
    .renewed = generated_renewed,
    .keeps_attributes = true,
    .keeps_pages = true,
};
