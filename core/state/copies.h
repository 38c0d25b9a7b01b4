/*
 * Copies of the database in STATE/copies/, made by a thread of its own at each
 * mount (mount.N.mdb) and once a day (day.N.mdb), N rising; of either kind the
 * last ones are kept. Where there is little room none is made. What has been in
 * STATE/lost/ for a week goes at the same times.
 */
#ifndef PRIMO_COPIES_H
#define PRIMO_COPIES_H

#include "core/state/primo.h"

struct copies;

/* Life cycle; main thread */
int copies_open(struct copies **out, struct primo *primo, struct reason *why);
void copies_close(struct copies *c); /* NULL is fine */

/* Change */

/* Make one of a kind, "mount" or "day", and drop those that are too many. */
int copies_make(struct primo *primo, int dir, const char *kind,
                struct reason *why);

#endif
