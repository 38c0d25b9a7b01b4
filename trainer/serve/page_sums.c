#include "trainer/serve/page_sums.h"

#include "core/basic/alloc.h"

#include <stdlib.h>

void page_sums_release(struct page_sums *s)
{
    free(s->sums);
    free(s->best);
    *s = (struct page_sums){0};
}

void page_sums_add(struct page_sums *s, const float *probabilities, int classes)
{
    int best = 0;
    if (!s->sums)
        s->sums = xcalloc((size_t)classes, sizeof *s->sums);
    for (int i = 0; i < classes; i++) {
        s->sums[i] += (double)probabilities[i];
        best = probabilities[i] > probabilities[best] ? i : best;
    }
    ALLOC_GROW(s->best, s->count + 1, s->room);
    s->best[s->count++] = (struct page_best){best, probabilities[best]};
}

void page_sums_mean(const struct page_sums *s, int classes, float *means)
{
    for (int i = 0; i < classes; i++)
        means[i] = (float)(s->sums[i] / (double)s->count);
}
