/*
 * What a training without a file system shows while it runs: the files log and
 * metrics.csv in its folder, and the lines on standard error. It is an observer
 * of the journal: journal_writer.h calls screen_seen() with one record at a
 * time, from any thread.
 */
#ifndef PRIMO_SCREEN_H
#define PRIMO_SCREEN_H

#include "core/shared/chart.h"
#include "trainer/run/journal_writer.h"

struct screen;

/* Life cycle */

/* No file is opened yet, because another training may be at work in the folder.
 */
int screen_open(struct screen **out, const char *folder, struct reason *why);
void screen_free(struct screen *s); /* NULL is fine */

/* Read */

/* Set the rows and the progress of a chart; the rows remain the screen's. */
void screen_chart(const struct screen *s, struct chart *chart);

/* Change */

/* Open the two files: empty if the training begins at update 0, else to append,
 * after an incomplete last line has been cut off. EACCES, ENOSPC and so on. */
int screen_begin(struct screen *s, uint64_t iteration, struct reason *why);
void screen_seen(void *context, enum journal_kind kind, double time,
                 const char *payload);

#endif
