/*
 * Small pictures that people look at: JPEG in base64, as pages of HTML take
 * them. Any thread.
 */
#ifndef PRIMO_THUMBNAIL_H
#define PRIMO_THUMBNAIL_H

#include "trainer/pictures/picture.h"

struct thumbnail_made {
    int width, height; /* pixels; 0 = there is none */
    struct text base64;
};

/* Make one of a decoded picture: its longer side has `side` pixels, or fewer
 * where the picture was decoded to fewer. It has the shape of the file's
 * picture, whatever shape its pixels were decoded to. ENOMEM. */
int thumbnail_make(const struct picture *p, int side,
                   struct thumbnail_made *out);
void thumbnail_release(struct thumbnail_made *t);

#endif
