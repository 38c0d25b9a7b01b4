/*
 * bases/base, the base model that primofs is shipped with. Its body in the
 * state directory is a link to the installed file, or a copy of it, so that
 * trainings keep what they began with when the programs are upgraded. At the
 * first mount, and at the first one with programs that come with another file,
 * that one takes the place of the old; it is told in `events`.
 */
#ifndef PRIMO_SHIPPED_BASE_H
#define PRIMO_SHIPPED_BASE_H

#include "core/state/primo.h"

/* Take the installed file over, unless it is there already. Without one, all
 * stays as it is: who needs it is told. Other troubles are told in `errors`.
 * Main thread, before requests are answered. */
void shipped_base_take(struct primo *primo);

#endif
