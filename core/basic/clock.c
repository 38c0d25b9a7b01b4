#include "core/basic/clock.h"

#include <errno.h>

enum { SECOND = 1000000000 }; /* nanoseconds */

struct timespec ns_timespec(int64_t ns)
{
    return (struct timespec){ns / SECOND, ns % SECOND};
}

int64_t timespec_ns(struct timespec t)
{
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static int64_t clock_read(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return timespec_ns(now);
}

int64_t clock_ns(void)
{
    return clock_read(CLOCK_REALTIME);
}

double unix_now(void)
{
    return (double)clock_ns() / 1e9;
}

int64_t monotonic_ns(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

double monotonic_now(void)
{
    return (double)monotonic_ns() / 1e9;
}

struct timespec clock_after(int ms)
{
    return ns_timespec(monotonic_ns() + ms * (int64_t)1000000);
}

void clock_condition_init(pthread_cond_t *c)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(c, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/* A signal interrupts the sleep, but does not move its end, so the same moment
 * is waited for again. */
void clock_sleep_until(int64_t monotonic)
{
    struct timespec until = ns_timespec(monotonic);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
           EINTR)
        ;
}

void clock_sleep(int ms)
{
    clock_sleep_until(monotonic_ns() + ms * (int64_t)1000000);
}
