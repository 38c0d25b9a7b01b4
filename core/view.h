/*
 * A read-only mount (-o ro) of a state directory, which a daemon may be using
 * at the same time, or of a copy of one. It takes no lock, writes nothing and
 * leaves trainings alone. A thread looks for changes by the daemon several
 * times a second and wakes whoever waits for them.
 */
#ifndef PRIMO_VIEW_H
#define PRIMO_VIEW_H

#include "core/state/primo.h"

struct view;

/* Life cycle */
int view_open(struct view **out, struct primo *primo, struct reason *why);
void view_close(struct view *v); /* NULL is fine */

#endif
