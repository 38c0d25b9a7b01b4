/*
 * What a decoder is, and what decoders share. Only picture*.c include this.
 */
#ifndef PRIMO_PICTURE_FORMAT_H
#define PRIMO_PICTURE_FORMAT_H

#include "trainer/pictures/picture.h"

#include <stdbool.h>

/* One row for each format. decode() gets an empty *out and may leave a part of
 * a picture in it when it fails; `side` as in picture_read(). */
struct picture_format {
    bool (*matches)(const uint8_t *data, size_t size);
    int (*decode)(struct picture *out, const uint8_t *data, size_t size,
                  int side, struct reason *why);
};

extern const struct picture_format picture_jpeg, picture_png, picture_tiff,
    picture_bmp;

/* EINVAL for an empty picture, EFBIG past PICTURE_PIXELS_MAX. */
int picture_bound(int64_t width, int64_t height, struct reason *why);
/* Set the size that the header tells, within picture_bound(). */
void picture_measured(struct picture *out, uint32_t width, uint32_t height);
/* Set the size and allocate the pixels. ENOMEM. */
int picture_alloc(struct picture *out, int width, int height,
                  struct reason *why);
/* Turn upright what is stored in an orientation of EXIF and TIFF, 1 to 8. A
 * picture without pixels only has its sides swapped. ENOMEM. */
int picture_orient(struct picture *p, int orientation, struct reason *why);
/* The orientation in EXIF data (from its "II" or "MM" on), 1 when there is
 * none or it is not well formed. */
int exif_orientation(const uint8_t *data, size_t size);

#endif
