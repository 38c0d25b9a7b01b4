/*
 * The state directory as a place: one descriptor, asked once whose it is, and
 * those of the directories in it; and its identity, a random word that the
 * store and the file STATE/identity both have, so that a database is not taken
 * for that of bodies that belong to another one. Main thread.
 */
#ifndef PRIMO_HOME_H
#define PRIMO_HOME_H

#include "core/state/primo.h"

/* Life cycle */

/* Make STATE where it is not there and open it. `passable`: users whose runs
 * lie in it may pass through. EPERM where it is not the daemon's own. */
int home_open(struct primo *primo, bool passable, struct reason *why);
/* The same for looking only; ENOENT. */
int home_open_view(struct primo *primo, struct reason *why);
/* Open models/ and bases/ of one for looking only, where they are there. */
int home_open_folders(struct primo *primo, struct reason *why);
/* Make and open models/, bases/, runs/ and lost/. */
int home_fill(struct primo *primo, bool passable, struct reason *why);
void home_close(struct primo *primo);

/* Read */

/* Whether nothing was ever kept there: then a new database may be made. 1, 0 or
 * -errno; at 0, *what says what is there. */
int home_is_bare(struct primo *primo, const char **what, struct reason *why);
/* Refuse to go on without a database, beside `what`. */
int home_refuse_bare(struct primo *primo, const char *what, struct reason *why);

/* Change */

/* See that store and directory have the same identity; give them one where
 * neither has, as those of older versions. EINVAL with what to do. */
int home_identify(struct primo *primo, struct reason *why);

#endif
