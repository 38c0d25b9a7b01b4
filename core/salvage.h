/*
 * Saving what can be read of a damaged database: `primofs --salvage STATE`.
 * Records that are whole go to a new database; where parts of the old one
 * cannot be read, what is missing comes from its leaves that nothing leads to
 * any more and from the newest copy in copies/. Models, bases and runs stay as
 * they are; the old database is kept beside as db.damaged.N. Main thread, with
 * nothing mounted.
 */
#ifndef PRIMO_SALVAGE_H
#define PRIMO_SALVAGE_H

#include "core/basic/reason.h"

/* Says on standard output what was done. EBUSY when a daemon has it. */
int salvage(const char *state, struct reason *why);

#endif
