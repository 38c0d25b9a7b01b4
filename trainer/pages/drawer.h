/*
 * Drawers: processes that draw the pages of documents which others gave us. A
 * page can take any time and memory to draw, and the libraries that read and
 * draw it are large; so it is done by a process for each document, which is
 * confined, has bounds of time and memory, and ends with it. What happens to it
 * is an error like others for whoever asked.
 *
 * drawers_start() comes before confine(), and makes a few processes that wait;
 * they load the libraries when the first document comes, and end with the
 * process that made them. All else may be called by any thread.
 */
#ifndef PRIMO_DRAWER_H
#define PRIMO_DRAWER_H

#include "core/basic/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DRAWN_SIDE_MAX = 4096,       /* most pixels of a side */
    DRAWN_DPI = 150,             /* of a page at full size */
    DRAWN_BYTES_MAX = 512 << 20, /* longest document */
    DRAWN_SECONDS = 20,          /* of processor time, for a page, and */
    DRAWN_MORE_SECONDS = 2,      /* for each of several on an average */
    DRAWN_MEMORY_MIB = 768,      /* for a document */
};

/* The picture of a page that is a scan (scan.h), as the file has it. */
struct scan {
    uint8_t *jpeg; /* NULL = the page is drawn */
    size_t size;
    int width, height;
    int channels;    /* 1 or 3 */
    int orientation; /* of EXIF, 1 to 8, whatever the JPEG says */
};

struct drawn_page {
    int number, of;              /* from 1; how many there are */
    int full_width, full_height; /* pixels at DRAWN_DPI */
    int width, height;           /* of what was drawn; 0 = only measured */
    const uint32_t *pixels;      /* [height, width], 0x00RRGGBB */
    struct scan scan;            /* .. or this */
};

struct drawing {
    const uint8_t *data;
    size_t size;
    /* Draw to side x side, whatever the proportions; 0 = at full size, -1 =
     * only measure. */
    int side;
    int first, count; /* pages, from 1 */
    /* Give pages that are scans as such, and draw the others. */
    bool scans;
    /* Called before this thread waits for a drawer, and after it; NULL = not.
     * Others that have one may wait in turn, in what they do with a page. */
    void (*queue)(bool queued);
};

/* What is done with a page; the pixels, or the scan, are there until it
 * returns. An error ends the drawing; DRAW_IT: a scan comes again, drawn. */
enum { DRAW_IT = 1 };
typedef int drawn_take(void *context, const struct drawn_page *page,
                       struct reason *why);

/* Pixels of a side of so many points at DRAWN_DPI. */
int drawn_pixels(double points);

/* Life cycle */
void drawers_start(void);

/* Draw some pages of a PDF, as many of them as there are. *total is set to the
 * number of its pages. EINVAL: it is damaged; EPERM: it is protected; EFBIG: it
 * takes too long or too much memory; ENOSYS: the library is missing. Reasons
 * are predicates, as those of pictures. */
int draw_pages(const struct drawing *d, drawn_take *take, void *context,
               int *total, struct reason *why);

#endif
