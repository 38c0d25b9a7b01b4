/*
 * One picture file as pixels: the only decoder, for training, evaluation and
 * prediction. The format is told from the content, never from the file name.
 * Thread safe; a struct picture belongs to one thread.
 */
#ifndef PRIMO_PICTURE_H
#define PRIMO_PICTURE_H

#include "reason.h"

#include <stdint.h>

struct picture {
    int width, height;
    uint8_t *rgb; /* [height, width, 3], owned; NULL = none */
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
 * sides stay >= side; 0 = full size. ENOENT, EACCES, EINVAL (not a picture,
 * truncated, …), EFBIG (more pixels than are decoded, told from the header),
 * each with a reason. Regular files only. */
int picture_read(struct picture *out, const char *path, int side,
                 struct reason *why);
/* Resize to side x side (antialiased bilinear, as PIL and torchvision do with
 * antialias; the aspect ratio is not kept). Same size: a copy. */
int picture_resize(const struct picture *in, int side, uint8_t *rgb,
                   struct reason *why);

#endif
