/*
 * Pages of a PDF that are one scanned picture each: a JPEG of colours or greys
 * that covers the page, and nothing else. Such a picture is decoded here, at
 * the scale that is needed, which takes a fraction of the time of drawing the
 * page and looks the same. Any thread.
 */
#ifndef PRIMO_PDF_SCAN_H
#define PRIMO_PDF_SCAN_H

#include "trainer/pictures/pdf_file.h"

#include <stdbool.h>

struct pdf_scan {
    const uint8_t *jpeg; /* in the file */
    size_t size;
    int channels;         /* 1 or 3 */
    int orientation;      /* of EXIF: 1, 3, 6 or 8 */
    double width, height; /* of the upright page, in points */
};

/* Whether page `number`, from 1, is one. */
bool pdf_scan_find(const struct pdf_file *f, int number, struct pdf_scan *out);

#endif
