/*
 * A mount that only looks (-o ro): at a state directory that a daemon may be at
 * work on, or at a copy of one. It takes no lock and writes nothing; trainings
 * are the daemon's affair. A thread looks for changes that the daemon has made,
 * several times a second, and tells those who wait.
 */
#ifndef PRIMO_VIEW_H
#define PRIMO_VIEW_H

#include "core/state/primo.h"

struct view;

/* Life cycle */
int view_open(struct view **out, struct primo *primo, struct reason *why);
void view_close(struct view *v); /* NULL is fine */

#endif
