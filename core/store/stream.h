/*
 * Streams: texts that only grow, by whole records, in the store. A stream is
 * named by an object id and a part letter; its pieces are keyed by their byte
 * offset, so that neither appending nor reading touches the rest.
 */
#ifndef PRIMO_STREAM_H
#define PRIMO_STREAM_H

#include "core/basic/text.h"
#include "core/store/store.h"

struct stream {
    uint64_t id;
    char part; /* 'm' metrics, 'l' log, 'e' events */
};

/* Read */
/* The size of a stream in bytes. */
uint64_t stream_size(struct store_txn *txn, struct stream s);
/* Append up to `size` bytes from `offset` on to *out. -EIO where they are not
 * as they were written. */
int stream_read(struct store_txn *txn, struct stream s, uint64_t offset,
                size_t size, struct text *out);

/* Append the last piece to *out, as it was written. -ENOENT where there is
 * none. */
int stream_last(struct store_txn *txn, struct stream s, struct text *out);

/* How many bytes the keys of pieces and blobs have before the checksum. */
enum { STREAM_KEY = 17, BLOB_KEY = 9 };
/* Whether a piece or a blob has the checksum that its key has. */
bool piece_is_whole(struct store_view key, struct store_view value,
                    size_t plain);

/* Change */

/* Drop pieces from the beginning until the stream has at most so many bytes. */
int stream_trim(struct store_txn *txn, struct stream s, uint64_t most,
                struct reason *why);
int stream_append(struct store_txn *txn, struct stream s, const char *data,
                  size_t size, struct reason *why);
int stream_drop(struct store_txn *txn, struct stream s, struct reason *why);

/* Blobs: whole texts of a run, such as its template. */
int blob_get(struct store_txn *txn, uint64_t id, char part, struct text *out);
int blob_put(struct store_txn *txn, uint64_t id, char part, const char *data,
             size_t size, struct reason *why);
int blob_drop(struct store_txn *txn, uint64_t id, char part,
              struct reason *why);
int blob_drop_all(struct store_txn *txn, uint64_t id, struct reason *why);

#endif
