/*
 * What a training without a file system shows while it runs: the files log and
 * metrics.csv in its folder, and the lines on standard error. It is an observer
 * of the journal: journal_writer.h calls alone_output_seen() with one record at
 * a time, from any thread.
 */
#ifndef PRIMO_ALONE_OUTPUT_H
#define PRIMO_ALONE_OUTPUT_H

#include "core/report/chart.h"
#include "trainer/run/journal_writer.h"

struct alone_output;

/* Life cycle */

/* No file is opened yet, because another training may be at work in the folder.
 */
int alone_output_open(struct alone_output **out, const char *folder,
                      struct reason *why);
void alone_output_free(struct alone_output *s); /* NULL is fine */

/* Read */

/* Set the rows and the progress of a chart; the rows remain those of the
 * output. */
void alone_output_chart(const struct alone_output *s, struct chart *chart);

/* Change */

/* Open the two files: empty if the training begins at update 0, else to append,
 * after an incomplete last line has been cut off. EACCES, ENOSPC and so on. */
int alone_output_begin(struct alone_output *s, uint64_t iteration,
                       struct reason *why);
void alone_output_seen(void *context, enum journal_kind kind, double time,
                       const char *payload);

#endif
