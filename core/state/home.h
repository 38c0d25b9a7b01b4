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

/* Open STATE; make it where it is not there. EPERM where it is not the daemon's
 * own. */
int home_open(struct primo *primo, struct reason *why);
/* Open STATE for looking only. ENOENT where it is not there. */
int home_open_view(struct primo *primo, struct reason *why);
/* Open models/, bases/ and spool/ for looking only, as far as they are there.
 */
int home_open_folders(struct primo *primo, struct reason *why);
/* Make and open models/, bases/, runs/, spool/ and lost/. */
int home_fill(struct primo *primo, struct reason *why);
void home_close(struct primo *primo);

/* Read */

/* Whether nothing was ever kept in STATE, so that a new database may be made.
 * Returns 1, 0 or -errno; where it returns 0, *what names what is there. */
int home_is_bare(struct primo *primo, const char **what, struct reason *why);
/* Refuse to go on: there is no database, but there is `what`. */
int home_refuse_bare(struct primo *primo, const char *what, struct reason *why);

/* Change */

/* Check that store and directory have the same identity. Where neither has one,
 * as after an older version, give them one. EINVAL, whose sentence says what to
 * do. */
int home_identify(struct primo *primo, struct reason *why);

#endif
