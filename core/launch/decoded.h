/*
 * The pictures that trainers have decoded, kept in RUNS/decoded for those after
 * them. A file there is made empty when a run is prepared, belongs to the run's
 * user, and has a second name in the run directory, where the trainer fills it.
 * A later run gets names of the files of the same user, groups and dataset, and
 * of no others: what a trainer has put there may come from a picture that has
 * taken it over, and may mislead only those who trained on that picture. Nobody
 * else reaches RUNS/decoded, which is the daemon's, as RUNS is. The daemon
 * never reads what is in the files.
 *
 * All that is here can be made again, so nothing here ever fails: where
 * something is not possible, less is kept. Any thread; several daemons, too.
 */
#ifndef PRIMO_LAUNCH_DECODED_H
#define PRIMO_LAUNCH_DECODED_H

#include "core/launch/launcher.h"

/* Lend a run what was kept for it, and a new file. `runs` and `dir` are
 * descriptors of RUNS and of the run directory. */
void decoded_lend(int runs, int dir, const struct run_job *job);
/* Remove what nobody has used for a week, and the oldest files past the bound
 * (core/report/decoded.h); with `all`, everything. Trainers that use them do
 * without. */
void decoded_tidy(const char *runs, bool all);

#endif
