/*
 * What a file of several pages is: the class of which the mean of its pages'
 * probabilities is greatest. A file of one page is what that page is, to the
 * last bit. A struct page_sums belongs to one thread.
 */
#ifndef PRIMO_PAGE_SUMS_H
#define PRIMO_PAGE_SUMS_H

#include <stddef.h>

struct page_best {
    int class;
    float probability;
};

struct page_sums {          /* zeroed: of no page */
    double *sums;           /* [classes], owned */
    struct page_best *best; /* of each page, owned */
    size_t count, room;
};

/* Life cycle */
void page_sums_release(struct page_sums *s);

/* Change: take the next page. */
void page_sums_add(struct page_sums *s, const float *probabilities,
                   int classes);

/* Read: the means, [classes]. */
void page_sums_mean(const struct page_sums *s, int classes, float *means);

#endif
