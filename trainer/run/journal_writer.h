/*
 * Writes the journal (core/report/journal.h): the one segment that this start
 * of the trainer adds to it.
 *
 * Each writer_* call makes its records in one write(), so that a reader sees
 * them together. Text of any origin may be given: it is made printable
 * (text.h). When the disk is full the records wait in memory (progress alone is
 * dropped) and what was written of them is cut off again, so that the segment
 * stays readable; each later call tries anew. Checkpoints, artifacts and the
 * end are synced to disk before the call returns. Any thread may call; one call
 * runs at a time.
 */
#ifndef PRIMO_JOURNAL_WRITER_H
#define PRIMO_JOURNAL_WRITER_H

#include "core/basic/reason.h"
#include "core/report/journal.h"
#include "core/report/progress.h"

struct journal_writer;

/* Is shown each record, in the order of the journal, with the writer locked.
 * NULL = nobody is. */
struct journal_observer {
    void (*seen)(void *context, enum journal_kind kind, double time,
                 const char *payload);
    void *context;
};

/* Life cycle */

struct journal_start {
    unsigned
        segment; /* the segment to begin; 0 = the first one that is not there */
    uint64_t iteration; /* the iteration of the checkpoint that is continued */
    const struct text *rows; /* the rows of metrics until then; NULL = none */
};

/* Begin a segment in the run directory `dir`: its OPEN record, then all rows
 * that were told before, so that nothing is missing where a segment was lost.
 * A file that already bears the name of a wanted segment has had no reader and
 * is replaced. EACCES, ENOSPC, … */
int writer_open(struct journal_writer **out, int dir,
                const struct journal_start *start,
                const struct journal_observer *view, struct reason *why);
void writer_free(struct journal_writer *w); /* NULL is fine */

/* Change */
void writer_stage(struct journal_writer *w, const char *stage);
void writer_log(struct journal_writer *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void writer_fact(struct journal_writer *w, const char *key, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));
void writer_progress(struct journal_writer *w, const struct progress *p);
/* Write a row of metrics, and the progress that goes with it. */
void writer_metric(struct journal_writer *w, const struct metrics_row *row,
                   const struct progress *p);
void writer_sync(struct journal_writer *w); /* syncs what was written so far */
void writer_checkpoint(struct journal_writer *w, uint64_t iteration);
/* Write that artifacts/NAME is complete. `crc` is the crc32 of all its bytes
 * (core/report/artifact.h). */
void writer_artifact(struct journal_writer *w, const char *name, uint32_t crc);
/* Write n answers of a service's worker. */
void writer_answers(struct journal_writer *w, const struct text *answers,
                    int n);
/* Write the end: "succeeded", "stopped" or "failed: REASON". Nothing may
 * follow. Returns -errno where it could not be written. */
int writer_end(struct journal_writer *w, const char *outcome);

#endif
