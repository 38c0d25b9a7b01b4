#include "core/inbox/thumbnail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The blob REQUEST_THUMBNAIL of a request is "REVISION PLACE BASE64". The
 * places of a service are used in turn; the key "thumbs/ SERVICE PLACE" says
 * which request was given one last. */

enum { PREFIX = 16 /* bytes of a key before the place */ };

static struct store_key place_key(uint64_t service, uint64_t place)
{
    struct store_key key = {0};
    key_bytes(&key, "thumbs/ ", 8);
    key_u64(&key, service);
    key_u64(&key, place);
    return key;
}

/* Returns where the base64 begins, 0 = it is no thumbnail. */
static size_t parse(const struct text *blob, uint64_t *revision,
                    uint64_t *place)
{
    int at = 0;
    if (sscanf(text_string(blob), "%" SCNu64 " %" SCNu64 " %n", revision, place,
               &at) != 2)
        return 0;
    return (size_t)at;
}

/* Whose thumbnail has this place gives it up, unless it got another since. */
static int place_clear(struct store_txn *txn, const struct store_key *key,
                       uint64_t place, struct reason *why)
{
    struct store_view v;
    struct text blob = TEXT_INIT;
    uint64_t request, revision, its;
    int err = store_get(txn, STORE_META, key, &v);
    if (err || v.size != sizeof request)
        return 0;
    memcpy(&request, v.data, sizeof request);
    if (blob_get(txn, request, REQUEST_THUMBNAIL, &blob) == 0 &&
        (!parse(&blob, &revision, &its) || its == place))
        err = blob_drop(txn, request, REQUEST_THUMBNAIL, why);
    text_release(&blob);
    return err;
}

static int place_take(struct store_txn *txn, const struct serving *s,
                      const struct answer *a, struct reason *why)
{
    uint64_t place = s->answered % THUMBNAILS_KEPT;
    struct store_key key = place_key(s->id, place);
    struct text blob = TEXT_INIT;
    text_printf(&blob, "%" PRIu64 " %" PRIu64 " %s", a->revision, place,
                a->thumbnail);
    int err = place_clear(txn, &key, place, why);
    if (err == 0)
        err = store_put(txn, STORE_META, &key, &a->request, sizeof a->request,
                        why);
    if (err == 0)
        err = blob_put(txn, a->request, REQUEST_THUMBNAIL, text_string(&blob),
                       blob.size, why);
    text_release(&blob);
    return err;
}

int thumbnail_keep(struct store_txn *txn, const struct serving *s,
                   const struct answer *answer, bool gone, struct reason *why)
{
    return *answer->thumbnail && !gone
               ? place_take(txn, s, answer, why)
               : blob_drop(txn, answer->request, REQUEST_THUMBNAIL, why);
}

int thumbnail_get(struct store_txn *txn, uint64_t request, uint64_t revision,
                  struct text *out)
{
    struct text blob = TEXT_INIT;
    uint64_t its, place;
    size_t at = 0;
    int err = blob_get(txn, request, REQUEST_THUMBNAIL, &blob);
    if (err == 0)
        at = parse(&blob, &its, &place);
    if (at && its == revision)
        text_add(out, blob.data + at, blob.size - at);
    else
        err = err ? err : -ENOENT;
    text_release(&blob);
    return err;
}

int thumbnails_forget(struct store_txn *txn, uint64_t service,
                      struct reason *why)
{
    struct store_key key = place_key(service, 0);
    return store_delete_all(txn, STORE_META, &key, PREFIX, why);
}
