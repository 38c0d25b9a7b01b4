/*
 * Checking a state directory: `primofs --check STATE`, also beside the daemon
 * that has it. Nothing is changed. Main thread.
 */
#ifndef PRIMO_CHECK_H
#define PRIMO_CHECK_H

#include "core/basic/reason.h"

/* Says on standard output what is damaged, a line each, or else how much was
 * looked at. Returns 0 when all is in order, -EUCLEAN when it is not, or why
 * that cannot be said. */
int check_state(const char *state, struct reason *why);

#endif
