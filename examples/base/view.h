/*
 * A page as a scanner, a copier or a camera sees it: all of it or a piece, a
 * little turned and stretched, on tinted paper, unevenly lit, blurred, faded,
 * noisy, grey or in black and white alone.
 */
#ifndef EXAMPLES_BASE_VIEW_H
#define EXAMPLES_BASE_VIEW_H

#include "examples/picture_out.h"
#include "trainer/basic/random.h"

#include <stdbool.h>
#include <stdint.h>

/* A square drawing in cairo's CAIRO_FORMAT_RGB24. */
struct source {
    const uint8_t *pixels;
    int side, stride;
};

/* Whether there is next to nothing on it. */
bool view_is_blank(const struct source *s);

/* Fill the square picture with the whole drawing as it is. */
void view_plain(const struct source *s, struct picture *to);

/* Fill the square picture with the drawing, or a piece of it that is not blank,
 * as it was seen. Returns the quality to write it with as a JPEG. */
int view_scanned(const struct source *s, struct picture *to, bool piece,
                 struct random *r);

#endif
