/*
 * Room in memory for what libgomp and oneDNN take without asking: where they
 * get none, they end the program. So, where memory is limited, see beforehand
 * that they will get it.
 */
#ifndef PRIMO_HEADROOM_H
#define PRIMO_HEADROOM_H

#include "core/basic/reason.h"

#include <stdbool.h>

/* Whether a limit of this process (RLIMIT_DATA, RLIMIT_AS) may say no. */
bool headroom_is_limited(void);
/* For the code that oneDNN writes when an op is made, and when it first runs;
 * ENOMEM. */
int headroom_for_code(struct reason *why);
/* Make the calling thread's OpenMP team, of `threads`, if they can be made;
 * ENOMEM, as pthread_create(3). */
int headroom_for_team(int threads, struct reason *why);

#endif
