/*
 * The pages of files that are pictures of their own. That takes two steps, so
 * that several threads may count pages.
 */
#ifndef PRIMO_SAMPLE_PAGES_H
#define PRIMO_SAMPLE_PAGES_H

#include "core/basic/reason.h"
#include "core/settings/param.h"
#include "trainer/dataset/sample.h"

#include <stdbool.h>

/* What a file becomes. */
struct sample_pages {
    int first, count; /* count 0 = it stays the one picture that it is */
};

/* Whether each file stands for its first page, and nothing is to be done. */
bool sample_pages_first(struct page_range wanted);
/* Look which of its pages are wanted. A file that can't be read, or has none of
 * them, gets a fault. ENOMEM, EMFILE, ENFILE: a shortage, for which the file
 * can do nothing. Any thread. */
int sample_pages_find(struct sample_pages *out, struct sample *s, int root,
                      struct page_range wanted, struct reason *why);
/* Replace each of the files by its pages. EFBIG: they would be more than
 * SAMPLES_MOST. */
enum { SAMPLES_MOST = 100 * 1000 * 1000 };
int sample_pages_take(struct sample **samples, int *count,
                      const struct sample_pages *pages, struct reason *why);

/* Whether an error is a shortage. */
bool is_shortage(int err);

#endif
