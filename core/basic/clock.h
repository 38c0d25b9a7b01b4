/*
 * What time it is. Any thread.
 */
#ifndef PRIMO_CLOCK_H
#define PRIMO_CLOCK_H

#include <stdint.h>

/* Since 1970. */
int64_t clock_ns(void);
double unix_now(void); /* seconds */

/* Since some moment: for measuring, as nobody sets it. */
int64_t monotonic_ns(void);
double monotonic_now(void); /* seconds */

#endif
