/*
 * Small pictures of the last answers of a service, for its page: JPEG in
 * base64, as its worker made them; the daemon looks into none. Each goes with
 * its request, and with the next answer to it, and of a service the last
 * THUMBNAILS_KEPT are kept. Any thread, within a transaction of the caller.
 */
#ifndef PRIMO_SERVE_THUMBNAIL_H
#define PRIMO_SERVE_THUMBNAIL_H

#include "core/inbox/answer.h"

enum { THUMBNAILS_KEPT = 2000 };

/* Keep that of an answer, which is number s->answered, instead of the one that
 * its request had; none where the answer has none, or the picture has left
 * (`gone`), as one who has pictures deleted wants no copies. */
int thumbnail_keep(struct store_txn *txn, const struct serving *s,
                   const struct answer *answer, bool gone, struct reason *why);
/* Append that of this revision of a request to *out. -ENOENT: there is none. */
int thumbnail_get(struct store_txn *txn, uint64_t request, uint64_t revision,
                  struct text *out);
/* Forget which ones a service has that is removed; its requests are gone. */
int thumbnails_forget(struct store_txn *txn, uint64_t service,
                      struct reason *why);

#endif
