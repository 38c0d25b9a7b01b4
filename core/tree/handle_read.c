#include "core/tree/handle_inside.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int read_stream(struct handle *h, uint64_t offset, size_t size,
                       struct text *out, struct reason *why)
{
    struct store_txn *txn;
    /* a start gives the process new texts, which a follower goes on with */
    tree_stream(h->primo, h->node, &h->stream, NULL);
    int err = store_begin(h->primo->store, false, &txn, why);
    if (err)
        return err;
    size_t had = out->size;
    err = stream_read(txn, h->stream, offset, size, out);
    store_abort(txn);
    if (err == 0 && offset + (out->size - had) > h->read_end)
        h->read_end = offset + (out->size - had);
    return err ? refuse(why, -err, "the text cannot be read") : 0;
}

static int read_wait(struct handle *h, struct text *out, struct reason *why)
{
    struct shown now = {TEXT_INIT, 0};
    int err = tree_show(h->primo, h->node, &now, why);
    text_move(out, &now.text);
    return err;
}

static int read_locked(struct handle *h, uint64_t offset, size_t size,
                       struct text *out, struct reason *why)
{
    switch (node_row(h->node)->shape) {
    case SHAPE_GROWING:
        return read_stream(h, offset, size, out, why);
    case SHAPE_BODY:
        return handle_read_body(h->fd, offset, size, out, why);
    case SHAPE_WEIGHTS:
        return weights_read(h, offset, size, out, why);
    case SHAPE_ERRORS:
        refusals_read(&h->primo->refusals, h->all ? NULL : &h->caller.uid,
                      offset, size, out);
        return 0;
    case SHAPE_ACTION:
        return 0;
    case SHAPE_WAIT:
        return offset ? 0 : read_wait(h, out, why);
    default:
        return handle_read_text(h, offset, size, out);
    }
}

int handle_read(struct handle *h, uint64_t offset, size_t size,
                struct text *out, struct reason *why)
{
    pthread_mutex_lock(&h->lock);
    int err = read_locked(h, offset, size, out, why);
    pthread_mutex_unlock(&h->lock);
    return err;
}

bool handle_renewed(struct handle *h, struct shown *out)
{
    pthread_mutex_lock(&h->lock);
    bool renewed = h->renewed;
    if (renewed) {
        text_add(&out->text, text_string(&h->text), h->text.size);
        out->mtime = h->renewed_time;
    }
    h->renewed = false;
    pthread_mutex_unlock(&h->lock);
    return renewed;
}

static bool has_news_locked(struct handle *h)
{
    struct shown now = {TEXT_INIT, 0};
    struct store_txn *txn;
    bool news = false;
    if (node_row(h->node)->shape == SHAPE_GROWING &&
        store_begin(h->primo->store, false, &txn, NULL) == 0) {
        news = stream_size(txn, h->stream) > h->read_end;
        store_abort(txn);
    } else if (node_row(h->node)->polled &&
               tree_show(h->primo, h->node, &now, NULL) == 0) {
        news = now.text.size != h->text.size ||
               memcmp(text_string(&now.text), text_string(&h->text),
                      now.text.size);
    }
    text_release(&now.text);
    return news;
}

bool handle_has_news(struct handle *h)
{
    pthread_mutex_lock(&h->lock);
    bool news = has_news_locked(h);
    pthread_mutex_unlock(&h->lock);
    return news;
}
