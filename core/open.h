/*
 * Opening and closing a state directory. Main thread.
 */
#ifndef PRIMO_OPEN_H
#define PRIMO_OPEN_H

#include "core/state/primo.h"

/* Life cycle */

/* Opens (or creates) a state directory, cleans up after a crash and starts the
 * supervisor, which picks up the runs that are under way. EBUSY: another daemon
 * uses it; EINVAL: a newer version made it; EUCLEAN: the database is damaged;
 * also EACCES, EROFS, ENOSPC and so on. */
int primo_open(struct primo *p, const char *state, struct reason *why);
/* Ends the supervisor and closes everything. Trainings go on; whoever waits for
 * one gets an error. */
void primo_close(struct primo *p);
/* Opens a state directory for reading only (view.h). ENOENT: it is not a state
 * directory. */
int primo_open_view(struct primo *p, const char *state, struct reason *why);

/* Whether this thread is inside the database now, so that a fault of memory is
 * probably due to a damaged one. For signal handlers, too. */
bool primo_reads_store(void);

#endif
