/*
 * The queue of a process: templates to be trained one after another on its
 * machine, one a line, which users edit as a text. A line has the name of a
 * template and, where somebody else has named the dataset, its path, which
 * confirms it as a word written to `start` does. Empty lines and those that
 * begin with # are kept and mean nothing.
 *
 * Whoever has written a line starts what it says, even if others edit the text
 * around it. A blob of the process (core/store/stream.h) has the lines, each
 * behind the user and the group that it is from; the record of the process has
 * how many of them wait. Any thread.
 */
#ifndef PRIMO_QUEUE_H
#define PRIMO_QUEUE_H

#include "core/process/process.h"
#include "core/state/primo.h"

enum { QUEUE_BYTES = 64 << 10, QUEUE_LINES = 1000 };

/* A line that waits. */
struct queued {
    struct caller caller; /* who has written it */
    char template[256];
    char said[4096]; /* what he confirms: a path, or "" */
};

/* Read */

/* The first that waits. ENOENT without a sentence: none does. */
int queue_first(struct store_txn *txn, uint64_t process, struct queued *out);
/* Whether these complete lines may be written: those that are new must each
 * name a template. EINVAL. */
int queue_check(struct primo *primo, uint64_t process, const char *lines,
                size_t size, struct reason *why);

/* Change */

/* Make this the text, durably, or append it to what is there now. EINVAL as
 * above; EFBIG past a bound. */
int queue_save(struct primo *primo, const struct caller *caller,
               uint64_t process, const struct text *text, bool append,
               struct reason *why);
/* Take the first that waits off the queue. The caller saves the record. */
int queue_drop_first(struct store_txn *txn, struct process *p,
                     struct reason *why);
/* Forget the queue of a process that is being removed. */
int queue_drop(struct store_txn *txn, const struct process *p,
               struct reason *why);

#endif
