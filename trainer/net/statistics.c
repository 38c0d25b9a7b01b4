#include "trainer/net/statistics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int statistics_begin(struct statistics *s, const struct weights *w,
                     struct reason *why)
{
    statistics_release(s);
    s->base = malloc(w->statistics * sizeof *s->base);
    s->sum = calloc(w->statistics, sizeof *s->sum);
    if (!s->base || !s->sum) {
        statistics_release(s);
        return refuse(why, ENOMEM, "no memory for statistics");
    }
    memcpy(s->base, w->running, w->statistics * sizeof *s->base);
    return 0;
}

void statistics_release(struct statistics *s)
{
    free(s->base);
    free(s->sum);
    *s = (struct statistics){0};
}

/* The places of a row's mean and variance in the arenas of statistics. */
static size_t mean_at(const struct weights *w, int row)
{
    return weight_of(w, row, WEIGHT_MEAN)->at;
}

static size_t variance_at(const struct weights *w, int row)
{
    return weight_of(w, row, WEIGHT_VARIANCE)->at;
}

void statistics_add(struct statistics *s, const struct weights *w, int n)
{
    for (int row = 0; row < w->network->layers; row++) {
        if (!w->network->layer[row].norm)
            continue;
        size_t m = mean_at(w, row), v = variance_at(w, row);
        for (int c = 0; c < w->network->layer[row].out; c++) {
            double mean = w->batch[m + c];
            s->sum[m + c] += n * mean;
            s->sum[v + c] += n * (w->batch[v + c] + mean * mean);
        }
    }
    s->count += n;
}

/* The variance of a mixture is that within its parts, and that between their
 * means. */
void statistics_blend(const struct statistics *s, struct weights *w,
                      double share)
{
    for (int row = 0; row < w->network->layers; row++) {
        if (!w->network->layer[row].norm)
            continue;
        size_t m = mean_at(w, row), v = variance_at(w, row);
        for (int c = 0; c < w->network->layer[row].out; c++) {
            double mean = s->sum[m + c] / s->count, old = s->base[m + c];
            double variance = s->sum[v + c] / s->count - mean * mean;
            double between = share * (1 - share) * (mean - old) * (mean - old);
            w->running[m + c] = (float)(old + share * (mean - old));
            w->running[v + c] =
                (float)((1 - share) * s->base[v + c] +
                        share * (variance > 0 ? variance : 0) + between);
        }
    }
}
