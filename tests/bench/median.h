/* The median of measurements. */
#ifndef PRIMO_BENCH_MEDIAN_H
#define PRIMO_BENCH_MEDIAN_H

#include <stdlib.h>

static int median_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts `values`. */
static inline double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, median_order);
    return values[count / 2];
}

#endif
