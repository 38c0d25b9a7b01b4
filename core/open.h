/*
 * Opening and closing a state directory. Main thread.
 */
#ifndef PRIMO_OPEN_H
#define PRIMO_OPEN_H

#include "core/state/primo.h"

/* Life cycle */

/* Opens (or makes) a state directory, puts things in order after a crash and
 * starts the supervisor, which picks up the runs that go on. EBUSY when another
 * daemon has it; EACCES, EROFS, ENOSPC, EINVAL (newer version) … */
int primo_open(struct primo *p, const char *state, struct reason *why);
/* Ends the supervisor; trainings go on. Waiters get an error. */
void primo_close(struct primo *p);
/* To look only (view.h). ENOENT where nothing was ever mounted. */
int primo_open_view(struct primo *p, const char *state, struct reason *why);

#endif
