/*
 * The interface of decoders, and what decoders share. Each format has a file of
 * its own, which ends in its struct picture_format, and a row in
 * core/settings/picture_formats.h. Only files of this folder include this
 * header.
 */
#ifndef PRIMO_PICTURE_FORMAT_H
#define PRIMO_PICTURE_FORMAT_H

#include "core/settings/picture_formats.h"
#include "trainer/pictures/picture.h"

#include <stdbool.h>

struct filter;

struct picture_format {
    /* Whether the file begins with the format's signature. */
    bool (*matches)(const uint8_t *data, size_t size);
    /* *out is empty at first; on failure, part of a picture may be left in it.
     * `side` is that of picture_read(). */
    int (*decode)(struct picture *out, const uint8_t *data, size_t size,
                  int side, struct reason *why);
    /* Does the same with another page than the first one, ERANGE: there is no
     * such page; NULL = a file has one page. */
    int (*decode_page)(struct picture *out, const uint8_t *data, size_t size,
                       int number, int side, struct reason *why);
    /* As picture_pages(); NULL = a file has one page. */
    int (*pages)(const uint8_t *data, size_t size,
                 const struct pages_wanted *wanted, page_taker *take,
                 void *context, int *total, struct reason *why);
};

#define PICTURE_DECLARE(id, name, extensions)                                  \
    extern const struct picture_format picture_##id;
PICTURE_FORMATS(PICTURE_DECLARE)
#undef PICTURE_DECLARE

/* Refuse with ERANGE: the file has fewer pages than `first`. */
int picture_no_page(int first, int total, struct reason *why);
/* Check the size of a picture. EINVAL: it is empty; EFBIG: it has more than
 * PICTURE_PIXELS_MAX pixels. */
int picture_bound(int64_t width, int64_t height, struct reason *why);
/* Do the same with one of two colours, which may have up to
 * PICTURE_BILEVEL_MAX pixels if lines_open() can take it line by line. */
int picture_bound_bilevel(int64_t width, int64_t height, int side,
                          struct reason *why);
/* Set the size that the header states; picture_bound() has accepted it. */
void picture_measured(struct picture *out, uint32_t width, uint32_t height);
/* Wait for the memory that so many pixels take while they are decoded: with
 * their four channels, or turned. */
void picture_reserve(struct picture *out, int64_t width, int64_t height);
/* Set the size and allocate the pixels, after picture_reserve(). ENOMEM. */
int picture_alloc(struct picture *out, int width, int height,
                  struct reason *why);

/* A picture that a decoder puts together from lines. A large one of two colours
 * (a drawing of 300 dpi has 140 million pixels) is resized along its lines as
 * they come, and its pixels are never there at once: picture_resize() then
 * finds it as wide as it has to be, and the result is the same. */
struct lines {
    struct picture *out;
    uint8_t *line;         /* [full_width, 3], NULL = lines are kept whole */
    struct filter *filter; /* along lines */
    int side;
};

/* Begin, for a picture whose size has been set by picture_measured(). ENOMEM.
 * lines_close() must be called even then. */
int lines_open(struct lines *l, struct picture *out, int side, bool bilevel,
               struct reason *why);
void lines_close(struct lines *l);
/* Where the decoder puts line y, [full_width, 3] .. */
uint8_t *lines_at(const struct lines *l, int y);
/* .. and says that it is complete. */
void lines_done(const struct lines *l, int y);

/* Decode a JPEG that is part of another file: as it is stored, whatever it says
 * of its orientation. EINVAL: it does not have so many channels; and so on. */
int jpeg_decode_stored(struct picture *out, const uint8_t *data, size_t size,
                       int channels, int side, struct reason *why);

/* Turn a picture upright that is stored in an orientation of EXIF or TIFF, 1 to
 * 8. If it has no pixels, only its sides are swapped. ENOMEM. */
int picture_orient(struct picture *p, int orientation, struct reason *why);
/* The orientation in EXIF data, which begins with "II" or "MM"; 1 if the data
 * have none or are malformed. */
int exif_orientation(const uint8_t *data, size_t size);

#endif
