/*
 * Growing texts: streams of the store. An open file grows by whole records. Its
 * state is the stream that it shows: a start gives the process new streams, and
 * so the file another node id.
 */
#include "core/basic/alloc.h"
#include "core/inbox/list.h"
#include "core/inbox/request.h"
#include "core/process/process.h"
#include "core/tree/shapes/common.h"

#include <errno.h>
#include <stdlib.h>

/* What an open growing text keeps. */
struct follower {
    struct stream stream;
    uint64_t end; /* how far it has been read */
};

/* The present stream of a file: that of the run of its process, or of its
 * object; those at the root have none. */
static struct stream stream_of(const struct show_request *r, struct node n)
{
    struct stream s = {r->object, node_row(n)->stream};
    if (r->process)
        s.id = process_metrics(r->process).id;
    else if (node_row(n)->stream_id)
        s.id = node_row(n)->stream_id(r);
    return s;
}

static int take_stream(struct show_request *r, struct node n, void *context,
                       struct reason *why)
{
    (void)why;
    *(struct stream *)context = stream_of(r, n);
    return 0;
}

static int growing_stream(struct primo *primo, struct node n,
                          struct stream *out, struct reason *why)
{
    return tree_request(primo, n, take_stream, out, why);
}

static int take_stat(struct show_request *r, struct node n, void *context,
                     struct reason *why)
{
    struct tree_stat *out = context;
    int64_t mtime = node_row(n)->mtime(r);
    (void)why;
    out->size = stream_size(r->txn, stream_of(r, n));
    if (mtime)
        out->mtime = mtime;
    return 0;
}

static int growing_stat(const struct stat_request *r, struct tree_stat *out,
                        struct reason *why)
{
    return tree_request(r->primo, r->node, take_stat, out, why);
}

static int growing_state(struct primo *primo, struct node n, struct shown *text,
                         uint64_t *stream, struct reason *why)
{
    struct stream s;
    (void)text;
    int err = growing_stream(primo, n, &s, why);
    *stream = s.id + 1; /* the events are stream 0, but 0 means no stream */
    return err;
}

static int growing_open(struct handle *h, const struct text *text,
                        struct reason *why)
{
    struct follower *r = xcalloc(1, sizeof *r);
    (void)text;
    h->own = r;
    return growing_stream(h->primo, h->node, &r->stream, why);
}

static void growing_close(struct handle *h)
{
    free(h->own);
}

static int growing_read(struct handle *h, uint64_t offset, size_t size,
                        struct text *out, struct reason *why)
{
    struct follower *r = h->own;
    struct store_txn *txn;
    size_t had = out->size;
    /* After a start, whoever follows the file continues with the new stream; if
     * the process is gone, the old one stays. */
    growing_stream(h->primo, h->node, &r->stream, NULL);
    int err = store_begin(h->primo->store, false, &txn, why);
    if (err)
        return err;
    err = stream_read(txn, r->stream, offset, size, out);
    store_abort(txn);
    if (err == 0 && offset + (out->size - had) > r->end)
        r->end = offset + (out->size - had);
    return err ? refuse(why, -err, "the text cannot be read") : 0;
}

static bool growing_has_news(struct handle *h)
{
    const struct follower *r = h->own;
    struct store_txn *txn;
    if (store_begin(h->primo->store, false, &txn, NULL))
        return false;
    bool news = stream_size(txn, r->stream) > r->end;
    store_abort(txn);
    return news;
}

/* The kernel must not keep pages: where a page is being read in while another
 * program learns that the file has grown, a third one that waits for the page
 * gets zeros in the place of what has come. */
const struct shape shape_growing = {
    .mode = S_IFREG | 0444,
    .direct_io = true,
    .stat = growing_stat,
    .state = growing_state,
    .unlink = generated_unlink,
    .open = growing_open,
    .close = growing_close,
    .read = growing_read,
    .follows = true,
    .has_news = growing_has_news,
};

/* The rows of a list */

static bool list_exists(struct primo *primo, struct node n)
{
    struct stream s;
    return growing_stream(primo, n, &s, NULL) == 0 && s.id;
}

/* They go with their list, and by themselves where that has left in/. */
static int list_unlink(struct primo *primo, const struct caller *caller,
                       struct node directory, struct node n, struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct request r = {0};
    struct store_txn *txn;
    (void)caller;
    int err = object_load(primo, n.object, &o);
    if (err == 0)
        err = request_decode(&o, &r);
    object_release(&o);
    if (err || !r.gone)
        return refuse(why, EPERM, "the rows of a list go with it in in/");
    err = store_begin(primo->store, true, &txn, why);
    return err ? err
               : store_end(txn, list_drop(txn, directory.object, n.object, why),
                           why);
}

const struct shape shape_list_rows = {
    .mode = S_IFREG | 0444,
    .direct_io = true,
    .exists = list_exists,
    .stat = growing_stat,
    .state = growing_state,
    .unlink = list_unlink,
    .open = growing_open,
    .close = growing_close,
    .read = growing_read,
    .follows = true,
    .has_news = growing_has_news,
};
