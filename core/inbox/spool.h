/*
 * The bytes of requests: files beside the store, STATE/spool/REQUEST.BODY,
 * which never change once an object names them. What is written goes straight
 * to a new one; the transaction that names it publishes it; what nobody names
 * is deleted at the next mount. A struct spooled is used by one thread at a
 * time, all else by any.
 */
#ifndef PRIMO_SPOOL_H
#define PRIMO_SPOOL_H

#include "core/state/primo.h"

#define SPOOL_BYTES_MAX (512ull << 20) /* the longest picture that is read */
enum { SPOOL_NAME = 48 };

struct spooled {
    struct primo *primo;
    uint64_t request, body; /* body 0 = none */
    int fd;
};

/* Life cycle */

/* Begin the bytes of a request, as a copy of its body `from` (0: empty). */
int spooled_begin(struct spooled *s, struct primo *primo, uint64_t request,
                  uint64_t from, struct reason *why);
void spooled_drop(struct spooled *s);   /* remove them again */
void spooled_forget(struct spooled *s); /* an object names them by now */

/* Read */
void spool_name(uint64_t request, uint64_t body, char name[SPOOL_NAME]);
int spool_open(const struct primo *primo, uint64_t request, uint64_t body,
               struct reason *why); /* a descriptor */
/* The size in bytes, or -errno. */
int64_t spool_size(const struct primo *primo, uint64_t request, uint64_t body);
uint64_t spooled_size(const struct spooled *s);

/* Change: ENOSPC, EFBIG */
int spooled_write(struct spooled *s, uint64_t offset, const char *data,
                  size_t size, struct reason *why);
int spooled_truncate(struct spooled *s, uint64_t size, struct reason *why);
/* Put what was written onto the disk. */
int spool_sync(const struct primo *primo, uint64_t request, uint64_t body,
               struct reason *why);
/* Remove the bytes of a request that is gone, or has others. */
void spool_remove(const struct primo *primo, uint64_t request, uint64_t body);
/* Delete what no object names. Main thread, with nothing open. */
void spool_sweep(struct primo *primo);

#endif
