/*
 * The library that draws, and it alone: poppler and cairo. It is loaded when it
 * is wanted, as it is large, and as primo-train is useful without it. One
 * thread; reads what others gave us, and so only where it is confined.
 */
#ifndef PRIMO_DRAW_H
#define PRIMO_DRAW_H

#include "trainer/pages/drawer.h"

#include <stdbool.h>

struct document; /* open */

/* Load the library; false = it is not installed. Any number of times. */
bool draw_load(void);

/* Open a document in memory that stays. NULL: *locked says whether it is
 * protected, and `message` what else is wrong with it. */
struct document *document_open(const uint8_t *data, size_t size, bool *locked,
                               char message[200]);
int document_pages(struct document *d);
/* Measure a page and draw it into `pixels`. False = it can't be drawn. */
bool document_draw(struct document *d, int side, struct drawn_page *page,
                   uint32_t *pixels, char message[200]);

#endif
