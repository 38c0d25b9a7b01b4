/*
 * What is seen of a page whose content covers it with one picture: whatever is
 * drawn before that picture lies below it, and what is drawn after it must not
 * be seen, as the text that programs lay over scanned pages, so that they can
 * be searched. The content is followed and not drawn. What is not understood,
 * or takes many steps, is no such page. One thread.
 */
#ifndef PRIMO_PAGES_CONTENT_H
#define PRIMO_PAGES_CONTENT_H

#include "trainer/pages/pdf_file.h"

struct covering {
    pdf_value picture; /* an image, which is opaque as far as its place goes */
    double matrix[6];  /* of its unit square, in the page's units */
    /* What draws it has a space of its own instead of these. */
    bool rgb_replaced, grey_replaced;
};

/* Follow a page, whose visible part is `box`: left, bottom, right, top. */
bool content_follow(struct pdf_file *f, pdf_value page, const double box[4],
                    struct covering *out);

#endif
