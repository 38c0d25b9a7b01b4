/*
 * What time it is, and waiting for a time. Any thread.
 */
#ifndef PRIMO_CLOCK_H
#define PRIMO_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* The time of day: nanoseconds or seconds since 1970. Whoever sets the system's
 * clock moves it. */
int64_t clock_ns(void);
double unix_now(void);

/* The monotonic clock: nanoseconds or seconds since some moment. It is for
 * measuring and waiting, as nobody can set it. */
int64_t monotonic_ns(void);
double monotonic_now(void);

/* Conversions between nanoseconds and what system calls take. */
struct timespec ns_timespec(int64_t ns);
int64_t timespec_ns(struct timespec t);

/* Waiting, by the monotonic clock */

/* The moment in so many milliseconds, for waits that end at a given time. */
struct timespec clock_after(int ms);
/* A condition whose timed waits take such moments. */
void clock_condition_init(pthread_cond_t *c);
void clock_sleep(int ms);
void clock_sleep_until(int64_t monotonic);

#endif
