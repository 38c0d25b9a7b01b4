/*
 * Copies of data sets that came over a connection (core/far/dataset.h): each is
 * a folder called by digits, and beside it is DIGITS.lock, which the rsync that
 * fills it holds locked, and whose time says when that was. One thread.
 */
#ifndef PRIMO_FAR_COPIES_H
#define PRIMO_FAR_COPIES_H

#include "core/basic/reason.h"

/* Make a folder for the copy NAME in `dir` where there is none, and note that
 * it is used now. */
int copy_place(int dir, const char *name, struct reason *why);
/* Remove the copies that no run in `runs` names any more and no trainer reads,
 * a week after they were filled last. A copy that is large may need several
 * calls. */
void copies_tidy(int dir, int runs);

#endif
