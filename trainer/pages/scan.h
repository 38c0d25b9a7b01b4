/*
 * Pages of a PDF that are one scanned picture each: a JPEG of colours or greys
 * that covers the page, and nothing else that is seen. Such a picture can be
 * decoded at the scale that is needed, which takes a fraction of the time of
 * drawing the page and looks the same. One thread; reads what others gave us,
 * and so only where it is confined.
 */
#ifndef PRIMO_PAGES_SCAN_H
#define PRIMO_PAGES_SCAN_H

#include "trainer/pages/drawer.h"
#include "trainer/pages/pdf_file.h"

#include <stdbool.h>

/* Whether page `number`, from 1, is one. Sets the full size and the scan of
 * *page, whose bytes the caller frees. */
bool scan_find(struct pdf_file *f, int number, struct drawn_page *page);

#endif
