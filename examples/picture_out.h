/*
 * What the programs that make datasets share: they make folders of class
 * folders, write JPEG files, read numbers from their arguments and report
 * errors.
 *
 * Functions that can fail say why on standard error and return -1.
 */
#ifndef EXAMPLES_PICTURE_OUT_H
#define EXAMPLES_PICTURE_OUT_H

#include <stdbool.h>
#include <stdint.h>

struct picture {
    uint8_t *pixels; /* rows from the top, without gaps */
    int width, height;
    int channels; /* 1: grey, 3: RGB */
    int dpi;      /* written into the file's header; 0: none is */
};

/* Says "PROGRAM: WHAT 'NAME'", with errno's text unless it is 0. */
int fail(const char *what, const char *name);

/* Make OUT, unless it is there, and OUT/PART, which must not be there; and the
 * folder of a class in OUT/PART. */
int make_part(const char *out, const char *part);
int make_class(const char *out, const char *part, const char *name);

int write_jpeg(const struct picture *p, int quality, const char *path);

/* Whether `s` is a whole number from `low` to `high`. */
bool read_number(const char *s, int low, int high, int *out);
/* Reads the last `n` arguments, [TRAIN_PER_CLASS [TEST_PER_CLASS]], into
 * per_class[]. They may be at most `train` and `test`. What is not given stays
 * as it is. False where they are wrong. */
bool read_counts(int n, char **words, int train, int test, int per_class[2]);

#endif
