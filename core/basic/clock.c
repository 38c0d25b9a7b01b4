#include "core/basic/clock.h"

#include <time.h>

static int64_t ns_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int64_t clock_ns(void)
{
    return ns_of(CLOCK_REALTIME);
}

double unix_now(void)
{
    return (double)clock_ns() / 1e9;
}

int64_t monotonic_ns(void)
{
    return ns_of(CLOCK_MONOTONIC);
}

double monotonic_now(void)
{
    return (double)monotonic_ns() / 1e9;
}
