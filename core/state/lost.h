/*
 * STATE/lost/: what was found in models/, bases/ or runs/ and nobody names, nor
 * has given up. It is moved there, with a line in `events`, and goes after a
 * week, however the clock is set meanwhile: where the store was not the right
 * one, nothing is lost. Any thread.
 */
#ifndef PRIMO_LOST_H
#define PRIMO_LOST_H

#include "core/state/primo.h"

/* Move FOLDER/name to lost/. `dir` is the descriptor of the folder. */
int lost_move(struct primo *primo, int dir, const char *folder,
              const char *name, struct reason *why);
/* Delete what has been in lost/ for a week. */
void lost_expire(struct primo *primo);

#endif
