/*
 * Room in memory for what libgomp and oneDNN take without asking: where they
 * get none, they end the program. So, where memory is limited, see beforehand
 * that they will get it.
 */
#ifndef PRIMO_HEADROOM_H
#define PRIMO_HEADROOM_H

#include "core/basic/reason.h"

#include <stdbool.h>

/* Whether this process has a limit of memory (RLIMIT_DATA, RLIMIT_AS). */
bool headroom_is_limited(void);
/* Check that there is room for the code that oneDNN writes when an op is made,
 * and when it first runs. ENOMEM. */
int headroom_for_code(struct reason *why);
/* Make the calling thread's OpenMP team of `threads` threads, if so many can be
 * made. ENOMEM, or another error of pthread_create(3). */
int headroom_for_team(int threads, struct reason *why);

#endif
