/*
 * Reading one picture file into pixels, in the same way for training,
 * evaluation and prediction. The formats are those of
 * core/settings/picture_formats.h; where a file has several pages, the first
 * one is read, and others by picture_pages(). The format is recognised by the
 * content, never by the file name. Any thread may call. A struct picture
 * belongs to one thread, which must not have a second one while it reads:
 * decoding waits while other threads use much memory (budget.h), and two that
 * wait for each other would never end.
 *
 * Reasons are predicates without a subject ("is cut short: …"), so that
 * "PATH: REASON" is a line for people.
 */
#ifndef PRIMO_PICTURE_H
#define PRIMO_PICTURE_H

#include "core/basic/reason.h"
#include "core/basic/text.h"
#include "core/settings/param.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PICTURE_PIXELS_MAX = 100 * 1000 * 1000,   /* most that a header may claim */
    PICTURE_BILEVEL_MAX = 1000 * 1000 * 1000, /* the same of two colours */
    PICTURE_BYTES_MAX = 512 << 20,            /* longest file that is read */
};

struct picture {
    int width, height;
    int full_width, full_height; /* at full size, whatever the DCT scale */
    uint8_t *rgb;                /* [height, width, 3], owned; NULL = none */
    bool more_pages;             /* the file has more; this is the first */
    bool drawn;  /* by a program that takes the fonts of this host */
    size_t held; /* bytes of the budget (budget.h) */
};

/* Life cycle */
#define PICTURE_INIT                                                           \
    {                                                                          \
        0                                                                      \
    }
void picture_release(struct picture *p);

/* Decode a file into upright RGB pixels: the EXIF orientation is applied, grey
 * and CMYK are converted, and alpha is laid over white. `side` > 0 means that
 * the picture will be resized to side x side, so that a JPEG may be decoded at
 * a smaller DCT scale as long as both sides are still >= side; 0 = full size;
 * PICTURE_MEASURE = only the (upright) width and height, from the header.
 * EINVAL: it is no picture, or is truncated or damaged; EFBIG: the header
 * claims more pixels than are decoded; ENOENT, EACCES and so on. Only regular
 * files are read, also through links. *out is released first, and is empty
 * after a failure. */
enum { PICTURE_MEASURE = -1 };
int picture_read(struct picture *out, const char *path, int side,
                 struct reason *why);
/* Do the same with a file that must be below the folder `root`, a descriptor,
 * and with any of its pages: from 1; 0 is the first one, too. EXDEV: a link
 * leads elsewhere, or nowhere; ERANGE: it has no such page; EPERM: it is
 * protected by a password. */
int picture_read_within(struct picture *out, int root, const char *path,
                        int number, int side, struct reason *why);
/* The two steps of that: open the file, which is not looked at yet, and read
 * it, which closes it. */
int picture_open_within(int root, const char *path, struct reason *why);
int picture_read_open(struct picture *out, int fd, int number, int side,
                      struct reason *why);
/* Decode a file that is already in memory; otherwise like picture_read(). */
int picture_decode(struct picture *out, const uint8_t *data, size_t size,
                   int side, struct reason *why);

/* Read the bytes of a file, with the errors of picture_read(). */
int picture_load(const char *path, struct text *out, struct reason *why);

/* Pages: a file of a format that knows none has one. */

struct pages_wanted {
    int side;  /* as above */
    int first; /* from 1 */
    int count;
};
/* What is done with a page, which is released afterwards. An error ends the
 * reading. */
typedef int page_taker(void *context, struct picture *page, int number,
                       struct reason *why);
/* Decode some pages of a file in memory, as many of them as there are. *total
 * is set to the number of pages that the file has, once it is known. Fails as
 * picture_decode() does, and EPERM: it is protected by a password. */
int picture_pages(const uint8_t *data, size_t size,
                  const struct pages_wanted *wanted, page_taker *take,
                  void *context, int *total, struct reason *why);
/* Count the pages of a file below the folder `root`; none is decoded, and of a
 * format that knows no pages little is read. Fails as picture_read_within(). */
int picture_count_pages(int root, const char *path, int *total,
                        struct reason *why);
/* Check that a file of `total` pages has some that are wanted. ERANGE: it has
 * none; EFBIG: they are more than PAGES_MOST. */
int picture_check_pages(struct page_range wanted, int total,
                        struct reason *why);

/* Read */

/* Resize to side x side, into rgb [side, side, 3]; the aspect ratio is not
 * kept. The filter is antialiased bilinear, bit for bit that of PIL, and of
 * torchvision with antialias. A picture of this size already is copied. ENOMEM.
 */
int picture_resize(const struct picture *in, int side, uint8_t *rgb,
                   struct reason *why);
/* Do the same to other sides, into rgb [height, width, 3]. */
int picture_resize_to(const struct picture *in, int width, int height,
                      uint8_t *rgb, struct reason *why);
/* Encode pixels [height, width, 3] as a JPEG, in memory that the caller frees.
 * ENOMEM. */
int picture_to_jpeg(const uint8_t *rgb, int width, int height, uint8_t **jpeg,
                    size_t *size, struct reason *why);
/* A hash of 128 bits over the size and the pixels. */
void picture_hash(const struct picture *p, uint64_t hash[2]);

#endif
