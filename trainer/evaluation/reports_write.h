/*
 * The reports on an evaluation as files of a folder.
 */
#ifndef PRIMO_REPORTS_WRITE_H
#define PRIMO_REPORTS_WRITE_H

#include "core/evaluation/card.h"

/* Write all reports into an existing folder, each as a whole. `card` says what
 * README.md has besides them; NULL = that is left out. ENOSPC, EACCES, … */
int reports_write(const char *folder, const struct evaluation *e,
                  const struct card *card, struct reason *why);

#endif
