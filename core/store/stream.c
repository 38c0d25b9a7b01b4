#include "core/store/stream.h"

#include <errno.h>

enum { PREFIX = 9 }; /* id and part */

static struct store_key stream_key(struct stream s, uint64_t offset)
{
    struct store_key key = {0};
    key_u64(&key, s.id);
    key_bytes(&key, &s.part, 1);
    key_u64(&key, offset);
    return key;
}

uint64_t stream_size(struct store_txn *txn, struct stream s)
{
    struct store_key key = stream_key(s, UINT64_MAX);
    struct store_view v;
    if (store_last(txn, STORE_STREAM, &key, PREFIX, &v))
        return 0;
    return key_read_u64(&key, PREFIX) + v.size;
}

struct reading {
    uint64_t offset; /* of what comes next */
    size_t left;
    struct text *out;
};

static bool take_piece(void *context, struct store_view key,
                       struct store_view piece)
{
    struct reading *r = context;
    uint64_t from = view_read_u64(key, PREFIX);
    if (r->offset >= from + piece.size)
        return false; /* past the end */
    size_t skip = (size_t)(r->offset - from), n = piece.size - skip;
    n = n < r->left ? n : r->left;
    text_add(r->out, (const char *)piece.data + skip, n);
    r->offset += n;
    r->left -= n;
    return r->left > 0;
}

int stream_read(struct store_txn *txn, struct stream s, uint64_t offset,
                size_t size, struct text *out)
{
    struct store_key key = stream_key(s, offset);
    struct reading r = {offset, size, out};
    if (size == 0)
        return 0;
    int err = store_walk(txn, STORE_STREAM, &key, PREFIX, take_piece, &r);
    return err == -ENOENT ? 0 : err;
}

int stream_append(struct store_txn *txn, struct stream s, const char *data,
                  size_t size, struct reason *why)
{
    if (size == 0)
        return 0;
    struct store_key key = stream_key(s, stream_size(txn, s));
    return store_put(txn, STORE_STREAM, &key, data, size, why);
}

int stream_drop(struct store_txn *txn, struct stream s, struct reason *why)
{
    struct store_key key = stream_key(s, 0);
    return store_delete_all(txn, STORE_STREAM, &key, PREFIX, why);
}

static struct store_key blob_key(uint64_t id, char part)
{
    struct store_key key = {0};
    key_u64(&key, id);
    key_bytes(&key, &part, 1);
    return key;
}

int blob_get(struct store_txn *txn, uint64_t id, char part, struct text *out)
{
    struct store_key key = blob_key(id, part);
    struct store_view v;
    int err = store_get(txn, STORE_BLOB, &key, &v);
    if (err == 0)
        text_add(out, v.data, v.size);
    return err;
}

int blob_put(struct store_txn *txn, uint64_t id, char part, const char *data,
             size_t size, struct reason *why)
{
    struct store_key key = blob_key(id, part);
    return store_put(txn, STORE_BLOB, &key, data, size, why);
}

int blob_drop_all(struct store_txn *txn, uint64_t id, struct reason *why)
{
    struct store_key key = blob_key(id, 0);
    return store_delete_all(txn, STORE_BLOB, &key, 8, why);
}
