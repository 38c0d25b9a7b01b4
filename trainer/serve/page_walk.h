/*
 * Reading the pages of a file that are wanted, some at a time, as the network's
 * input: what the worker of a service and `predict` have in common. A struct
 * page_walk is used by one thread at a time.
 */
#ifndef PRIMO_PAGE_WALK_H
#define PRIMO_PAGE_WALK_H

#include "core/basic/reason.h"
#include "core/settings/param.h"
#include "trainer/pictures/thumbnail.h"

#include <stddef.h>

struct page_walk {
    struct page_range wanted;
    int next; /* the next page to read; 0 = all are read */
    int read; /* pages that the last call has read */
    struct thumbnail_made thumbnail; /* of the first page, where it is wanted */
    bool thumbnail_wanted;           /* false until it is set */
};

/* Life cycle */
void page_walk_begin(struct page_walk *w, struct page_range wanted);
void page_walk_release(struct page_walk *w);

/* Refuse a file that takes longer to read than PAGES_SECONDS: EFBIG. */
int page_walk_too_long(struct reason *why);
/* Read up to `most` of the pages of a file in memory into `images`, f32
 * [most, 3, side, side], as loader_picture() does. ERANGE: the file has not
 * these pages; EFBIG: it has more than PAGES_MOST; and as picture_pages(). */
int page_walk_read(struct page_walk *w, const uint8_t *data, size_t size,
                   int side, float *images, int most, struct reason *why);

#endif
