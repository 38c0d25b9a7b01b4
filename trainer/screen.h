/*
 * What a training alone shows while it runs: the files log and metrics.csv in
 * its folder, and the lines on standard error. It observes the journal:
 * journal_writer.h calls screen_seen() with one record at a time, from any
 * thread.
 */
#ifndef PRIMO_SCREEN_H
#define PRIMO_SCREEN_H

#include "core/shared/chart.h"
#include "trainer/run/journal_writer.h"

struct screen;

/* Life cycle */

/* Nothing is opened yet: who else works in the folder is not known. */
int screen_open(struct screen **out, const char *folder, struct reason *why);
void screen_free(struct screen *s); /* NULL is fine */

/* Read */

/* Fill rows and progress, which stay the screen's. */
void screen_chart(const struct screen *s, struct chart *chart);

/* Change */

/* Open the two files: from update 0 anew, else behind what is there, where a
 * torn last line is cut off. EACCES, ENOSPC, … */
int screen_begin(struct screen *s, uint64_t iteration, struct reason *why);
void screen_seen(void *context, enum journal_kind kind, double time,
                 const char *payload);

#endif
