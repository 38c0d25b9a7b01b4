#include "core/store/stream.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

enum { PREFIX = 9 }; /* bytes of the id and the part in a key */

/* What a piece is found by; its key has the checksum of it behind that, but for
 * those of older versions. */
static struct store_key stream_key(struct stream s, uint64_t offset)
{
    struct store_key key = {0};
    key_u64(&key, s.id);
    key_bytes(&key, &s.part, 1);
    key_u64(&key, offset);
    return key;
}

/* A key behind all keys of this offset, whatever their checksums. */
static struct store_key stream_key_last(struct stream s, uint64_t offset)
{
    struct store_key key = stream_key(s, offset);
    key_bytes(&key, "\xff\xff\xff\xff\xff", 5);
    return key;
}

static uint32_t sum_of(const void *data, size_t size)
{
    return (uint32_t)crc32_z(0, data, size);
}

static void key_add_sum(struct store_key *key, const void *data, size_t size)
{
    uint32_t sum = htobe32(sum_of(data, size));
    key_bytes(key, &sum, sizeof sum);
}

bool piece_is_whole(struct store_view key, struct store_view value,
                    size_t plain)
{
    uint32_t sum;
    if (key.size == plain)
        return true;
    if (key.size != plain + sizeof sum)
        return false;
    memcpy(&sum, (const char *)key.data + plain, sizeof sum);
    return be32toh(sum) == sum_of(value.data, value.size);
}

/* The offset at which the stream begins now: what was before has been
 * trimmed. */
static int stream_first(struct store_txn *txn, struct stream s, uint64_t *out)
{
    struct store_key key = stream_key(s, 0);
    struct store_view v;
    int err = store_next(txn, STORE_STREAM, &key, PREFIX, true, &v);
    *out = err ? 0 : key_read_u64(&key, PREFIX);
    return err;
}

static uint64_t stream_end(struct store_txn *txn, struct stream s)
{
    struct store_key key = stream_key(s, UINT64_MAX);
    struct store_view v;
    if (store_last(txn, STORE_STREAM, &key, PREFIX, &v))
        return 0;
    return key_read_u64(&key, PREFIX) + v.size;
}

uint64_t stream_size(struct store_txn *txn, struct stream s)
{
    uint64_t first;
    stream_first(txn, s, &first);
    return stream_end(txn, s) - first;
}

struct reading {
    uint64_t offset; /* offset of the byte that is read next */
    size_t left;
    struct text *out;
    bool damaged;
};

static bool take_piece(void *context, struct store_view key,
                       struct store_view piece)
{
    struct reading *r = context;
    uint64_t from = view_read_u64(key, PREFIX);
    if (r->offset >= from + piece.size || r->offset < from)
        return false; /* the offset lies past the end, or in a hole */
    r->damaged = !piece_is_whole(key, piece, STREAM_KEY);
    if (r->damaged)
        return false;
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
    uint64_t first;
    int err = size ? stream_first(txn, s, &first) : -ENOENT;
    if (err)
        return err == -ENOENT ? 0 : err;
    struct store_key key = stream_key_last(s, first + offset);
    struct reading r = {first + offset, size, out, false};
    err = store_walk(txn, STORE_STREAM, &key, PREFIX, take_piece, &r);
    return r.damaged ? -EIO : err == -ENOENT ? 0 : err;
}

int stream_append(struct store_txn *txn, struct stream s, const char *data,
                  size_t size, struct reason *why)
{
    if (size == 0)
        return 0;
    struct store_key key = stream_key(s, stream_end(txn, s));
    key_add_sum(&key, data, size);
    return store_put(txn, STORE_STREAM, &key, data, size, why);
}

int stream_last(struct store_txn *txn, struct stream s, struct text *out)
{
    struct store_key key = stream_key(s, UINT64_MAX);
    struct store_view v;
    int err = store_last(txn, STORE_STREAM, &key, PREFIX, &v);
    if (err == 0)
        text_add(out, v.data, v.size);
    return err;
}

int stream_trim(struct store_txn *txn, struct stream s, uint64_t most,
                struct reason *why)
{
    uint64_t end = stream_end(txn, s), first;
    int err = 0;
    while (err == 0 && stream_first(txn, s, &first) == 0 &&
           end - first > most) {
        struct store_key key = stream_key(s, first);
        err = store_delete_all(txn, STORE_STREAM, &key, STREAM_KEY, why);
    }
    return err;
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
    int err = store_next(txn, STORE_BLOB, &key, BLOB_KEY, true, &v);
    if (err)
        return err;
    struct store_view at = {key.bytes, key.size};
    if (!piece_is_whole(at, v, BLOB_KEY))
        return -EIO;
    text_add(out, v.data, v.size);
    return 0;
}

int blob_put(struct store_txn *txn, uint64_t id, char part, const char *data,
             size_t size, struct reason *why)
{
    struct store_key key = blob_key(id, part);
    int err = blob_drop(txn, id, part, why);
    key_add_sum(&key, data, size);
    return err ? err : store_put(txn, STORE_BLOB, &key, data, size, why);
}

int blob_drop(struct store_txn *txn, uint64_t id, char part, struct reason *why)
{
    struct store_key key = blob_key(id, part);
    return store_delete_all(txn, STORE_BLOB, &key, BLOB_KEY, why);
}

int blob_drop_all(struct store_txn *txn, uint64_t id, struct reason *why)
{
    struct store_key key = blob_key(id, 0);
    return store_delete_all(txn, STORE_BLOB, &key, 8, why);
}
