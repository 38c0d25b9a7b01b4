/*
 * The rows of answers: a growing text of which each user sees his own rows,
 * unless he may view all. A second stream has the user and the size of each row
 * (core/inbox/serving.h). As users see different files, nothing is cached.
 */
#include "core/basic/alloc.h"
#include "core/inbox/serving.h"
#include "core/tree/gate.h"
#include "core/tree/shapes/common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is wanted of the text, in bytes of what the user sees. */
struct wanted {
    struct store_txn *txn;
    struct stream rows;
    uint64_t offset, size;
    struct text *out; /* NULL = only the whole size is wanted */
    uint64_t at;      /* how far the walk has come */
};

/* The next bytes that the user sees, which are at `from` in the stream. */
static int piece_take(struct wanted *w, uint64_t from, uint64_t size)
{
    uint64_t begin = w->at > w->offset ? w->at : w->offset;
    uint64_t end = w->at + size, last = w->offset + w->size;
    uint64_t at = w->at;
    end = end < last ? end : last;
    w->at += size;
    return w->out && begin < end
               ? stream_read(w->txn, w->rows, from + (begin - at),
                             (size_t)(end - begin), w->out)
               : 0;
}

/* The first line is everybody's, the others have a user each. */
static int own_walk(struct wanted *w, const struct text *owners, uid_t user)
{
    uint64_t rows = 0, at = 0;
    uint32_t owner[2];
    for (size_t i = 0; i + sizeof owner <= owners->size; i += sizeof owner) {
        memcpy(owner, owners->data + i, sizeof owner);
        rows += owner[1];
    }
    at = stream_size(w->txn, w->rows) - rows;
    int err = piece_take(w, 0, at);
    for (size_t i = 0; i + sizeof owner <= owners->size && err == 0;
         i += sizeof owner) {
        memcpy(owner, owners->data + i, sizeof owner);
        if (owner[0] == user)
            err = piece_take(w, at, owner[1]);
        at += owner[1];
    }
    return err;
}

static int rows_walk(struct wanted *w, const uid_t *only)
{
    struct text owners = TEXT_INIT;
    struct stream of = {w->rows.id, 'u'};
    if (!only)
        return piece_take(w, 0, stream_size(w->txn, w->rows));
    int err =
        stream_read(w->txn, of, 0, (size_t)stream_size(w->txn, of), &owners);
    if (err == 0)
        err = own_walk(w, &owners, *only);
    text_release(&owners);
    return err;
}

static int rows_take(struct primo *primo, const struct caller *caller,
                     struct node n, struct wanted *w, struct reason *why)
{
    const uid_t *only =
        caller && !tree_views(primo, caller, n) ? &caller->uid : NULL;
    int err = store_begin(primo->store, false, &w->txn, why);
    if (err)
        return err;
    w->rows = (struct stream){n.object, 'r'};
    err = rows_walk(w, only);
    store_abort(w->txn);
    return err ? refuse(why, -err, "the rows cannot be read") : 0;
}

static int results_stat(const struct stat_request *r, struct tree_stat *out,
                        struct reason *why)
{
    struct wanted w = {.out = NULL};
    struct serving s;
    int err = rows_take(r->primo, r->caller, r->node, &w, why);
    out->size = w.at;
    if (err == 0 &&
        serving_read(r->primo->store, r->node.object, &s, NULL) == 0)
        out->mtime = (int64_t)(s.changed * 1e9);
    return err;
}

static int results_open(struct handle *h, const struct text *text,
                        struct reason *why)
{
    (void)text;
    (void)why;
    h->own = xcalloc(1, sizeof(uint64_t)); /* how far it was read */
    return 0;
}

static void results_close(struct handle *h)
{
    free(h->own);
}

static int results_read(struct handle *h, uint64_t offset, size_t size,
                        struct text *out, struct reason *why)
{
    struct wanted w = {.offset = offset, .size = size, .out = out};
    uint64_t *end = h->own;
    size_t had = out->size;
    int err = rows_take(h->primo, &h->caller, h->node, &w, why);
    if (offset + (out->size - had) > *end)
        *end = offset + (out->size - had);
    return err;
}

static bool results_has_news(struct handle *h)
{
    const uint64_t *end = h->own;
    struct wanted w = {.out = NULL};
    return rows_take(h->primo, &h->caller, h->node, &w, NULL) == 0 &&
           w.at > *end;
}

const struct shape shape_results = {
    .mode = S_IFREG | 0444,
    .stat = results_stat,
    .unlink = generated_unlink,
    .open = results_open,
    .close = results_close,
    .read = results_read,
    .has_news = results_has_news,
    .follows = true,
    .keeps_name = true,
    .direct_io = true,
};
