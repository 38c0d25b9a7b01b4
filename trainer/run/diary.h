/*
 * The diary: the journal segment that a trainer writes, core/journal.h.
 *
 * Each diary_* call makes its records in one write(), so that a reader sees
 * them together. Text of any origin may be given: it is made printable
 * (text.h). When the disk is full the records wait in memory (progress alone is
 * dropped) and what was written of them is cut off again, so that the segment
 * stays readable; each later call tries anew. Checkpoints, artifacts and the
 * end are synced to disk before the call returns. Any thread may call; one call
 * runs at a time.
 */
#ifndef PRIMO_DIARY_H
#define PRIMO_DIARY_H

#include "core/basic/reason.h"
#include "core/shared/journal.h"
#include "core/shared/report.h"

struct diary;

/* Who else wants to see each record, in the order of the journal; called with
 * the diary locked. NULL = nobody. */
struct diary_view {
    void (*seen)(void *context, enum journal_kind kind, double time,
                 const char *payload);
    void *context;
};

/* Life cycle */

/* Open the next segment in the run directory `dir` and write its OPEN record
 * with the iteration of the checkpoint that is continued. EACCES, ENOSPC, … */
int diary_open(struct diary **out, int dir, uint64_t iteration,
               const struct diary_view *view, struct reason *why);
void diary_free(struct diary *d); /* NULL is fine */

/* Change */
void diary_stage(struct diary *d, const char *stage);
void diary_log(struct diary *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void diary_fact(struct diary *d, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diary_progress(struct diary *d, const struct progress *p);
/* A row and the progress that goes with it. */
void diary_metric(struct diary *d, const struct metrics_row *row,
                  const struct progress *p);
void diary_sync(struct diary *d); /* what was written so far, to disk */
void diary_checkpoint(struct diary *d, uint64_t iteration);
void diary_artifact(struct diary *d, const char *name);
/* "succeeded", "stopped" or "failed: REASON"; nothing may follow. -errno when
 * it could not be written. */
int diary_end(struct diary *d, const char *outcome);

#endif
