/*
 * What a decoder is, and what decoders share. Each format has a file of its
 * own, which ends in its struct picture_format, and a row in
 * core/shared/picture_formats.h. Only files of this folder include this.
 */
#ifndef PRIMO_PICTURE_FORMAT_H
#define PRIMO_PICTURE_FORMAT_H

#include "core/shared/picture_formats.h"
#include "trainer/pictures/picture.h"

#include <stdbool.h>

struct picture_format {
    /* Whether the file's first bytes are the format's signature. */
    bool (*matches)(const uint8_t *data, size_t size);
    /* Gets an empty *out and may leave a part of a picture in it when it
     * fails; `side` as in picture_read(). */
    int (*decode)(struct picture *out, const uint8_t *data, size_t size,
                  int side, struct reason *why);
};

#define PICTURE_DECLARE(id, name, extensions)                                  \
    extern const struct picture_format picture_##id;
PICTURE_FORMATS(PICTURE_DECLARE)
#undef PICTURE_DECLARE

/* EINVAL for an empty picture, EFBIG past PICTURE_PIXELS_MAX. */
int picture_bound(int64_t width, int64_t height, struct reason *why);
/* Set the size that the header tells, within picture_bound(). */
void picture_measured(struct picture *out, uint32_t width, uint32_t height);
/* Wait for the memory that so many pixels take while they are decoded: with
 * their four channels, or turned. */
void picture_reserve(struct picture *out, int64_t width, int64_t height);
/* Set the size and allocate the pixels, after picture_reserve(). ENOMEM. */
int picture_alloc(struct picture *out, int width, int height,
                  struct reason *why);
/* Turn upright what is stored in an orientation of EXIF and TIFF, 1 to 8. A
 * picture without pixels only has its sides swapped. ENOMEM. */
int picture_orient(struct picture *p, int orientation, struct reason *why);
/* The orientation in EXIF data (from its "II" or "MM" on), 1 when there is
 * none or it is not well formed. */
int exif_orientation(const uint8_t *data, size_t size);

#endif
