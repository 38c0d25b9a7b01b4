/*
 * One picture file as pixels: the only decoder, for training, evaluation and
 * prediction. The formats are those of core/shared/picture_formats.h; of a TIFF
 * the first page is read. The format is told from the content, never from the
 * file name.
 * Thread safe; a struct picture belongs to one thread, which has no second one
 * while it reads: decoding waits where others use much memory (budget.h).
 *
 * Reasons are said of the file without naming it ("is cut short: …"), so that
 * "PATH: REASON" is a line for people.
 */
#ifndef PRIMO_PICTURE_H
#define PRIMO_PICTURE_H

#include "core/basic/reason.h"

#include <stddef.h>
#include <stdint.h>

enum {
    PICTURE_PIXELS_MAX = 100 * 1000 * 1000, /* what a header may promise */
    PICTURE_BYTES_MAX = 512 << 20,          /* how long a file may be */
};

struct picture {
    int width, height;
    int full_width, full_height; /* before a smaller DCT scale was taken */
    uint8_t *rgb;                /* [height, width, 3], owned; NULL = none */
    size_t held;                 /* bytes of the budget (budget.h) */
};

/* Life cycle */
#define PICTURE_INIT                                                           \
    {                                                                          \
        0                                                                      \
    }
void picture_release(struct picture *p);

/* Decode a file, upright (EXIF orientation applied), grey and CMYK and alpha
 * (over white) turned into RGB. `side` > 0: the picture will be resized to
 * side x side, so a JPEG may be decoded at a smaller DCT scale as long as both
 * sides stay >= side; 0 = full size; PICTURE_MEASURE = only width and height
 * (upright), from the header. ENOENT, EACCES, EINVAL (not a picture,
 * truncated, …), EFBIG (more pixels than are decoded, told from the header),
 * each with a reason. Regular files only, through links too. *out is released
 * first and, on failure, empty. */
enum { PICTURE_MEASURE = -1 };
int picture_read(struct picture *out, const char *path, int side,
                 struct reason *why);
/* Decode a file that is in memory already; otherwise as picture_read(). */
int picture_decode(struct picture *out, const uint8_t *data, size_t size,
                   int side, struct reason *why);

/* Read */

/* Resize to side x side (antialiased bilinear, as PIL and torchvision do with
 * antialias, bit for bit; the aspect ratio is not kept). Same size: a copy.
 * rgb [side, side, 3]. ENOMEM. */
int picture_resize(const struct picture *in, int side, uint8_t *rgb,
                   struct reason *why);
/* 128 bits that tell pictures apart by their size and pixels. */
void picture_hash(const struct picture *p, uint64_t hash[2]);

#endif
