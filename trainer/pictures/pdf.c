#include "trainer/pages/drawer.h"
#include "trainer/pictures/format.h"
#include "trainer/pictures/pdf_scan.h"

#include <stdlib.h>
#include <string.h>

/* A page is drawn twice as large as it will be, and has the sides of the
 * square already: what is resized is small however large the page is. */
enum { DRAWN_TIMES = 2 };

static int side_drawn(int side)
{
    if (side <= 0)
        return side; /* full size, or only measured */
    return side * DRAWN_TIMES < DRAWN_SIDE_MAX ? side * DRAWN_TIMES
                                               : DRAWN_SIDE_MAX;
}

static void pixels_copy(const struct drawn_page *page, uint8_t *rgb)
{
    size_t n = (size_t)page->width * (size_t)page->height;
    for (size_t i = 0; i < n; i++, rgb += 3) {
        rgb[0] = (uint8_t)(page->pixels[i] >> 16);
        rgb[1] = (uint8_t)(page->pixels[i] >> 8);
        rgb[2] = (uint8_t)page->pixels[i];
    }
}

static int page_picture(const struct drawn_page *page, struct picture *out,
                        struct reason *why)
{
    picture_measured(out, (uint32_t)page->full_width,
                     (uint32_t)page->full_height);
    out->more_pages = page->of > 1;
    out->drawn = true;
    if (!page->width)
        return 0;
    picture_reserve(out, page->width, page->height);
    int err = picture_alloc(out, page->width, page->height, why);
    if (err == 0)
        pixels_copy(page, out->rgb);
    return err;
}

/* What takes the pages. */
struct taker {
    page_taker *take;
    void *context;
};

static int page_give(void *context, const struct drawn_page *page,
                     struct reason *why)
{
    const struct taker *t = context;
    struct picture picture = PICTURE_INIT;
    int err = page_picture(page, &picture, why);
    if (err == 0)
        err = t->take(t->context, &picture, page->number, why);
    picture_release(&picture);
    return err;
}

/* What of a file is read. */
struct walk {
    struct pdf_file file;
    const struct pages_wanted *wanted;
    struct taker taker;
    int total; /* as the library that draws counts them; 0 = nothing drawn */
};

/* Decodes a page that is one scanned picture, and no smaller than it has to be.
 * False: it is to be drawn; *out is as it was, but for what it may hold. */
static bool scan_decode(const struct pdf_file *f, int number, int side,
                        struct picture *out)
{
    struct pdf_scan s;
    if (!pdf_scan_find(f, number, &s))
        return false;
    bool good =
        jpeg_decode_stored(out, s.jpeg, s.size, s.channels, side, NULL) == 0 &&
        out->width >= side && out->height >= side &&
        picture_orient(out, s.orientation, NULL) == 0;
    if (!good) {
        free(out->rgb);
        *out = (struct picture){.held = out->held};
        return false;
    }
    out->full_width = drawn_pixels(s.width);
    out->full_height = drawn_pixels(s.height);
    out->more_pages = f->page_count > 1;
    return true;
}

/* Gives a page if it is a scan. */
static int scan_give(const struct walk *w, int number, bool *given,
                     struct reason *why)
{
    struct picture page = PICTURE_INIT;
    int err = 0;
    *given = scan_decode(&w->file, number, w->wanted->side, &page);
    if (*given)
        err = w->taker.take(w->taker.context, &page, number, why);
    picture_release(&page);
    return err;
}

/* Draws the pages from `at` on up to the next one that may be a scan; returns
 * how many. Each page goes one way or the other whatever else is wanted. */
static int run_length(const struct walk *w, int at, int end)
{
    struct pdf_scan s;
    int n = 1;
    while (at + n < end && !pdf_scan_find(&w->file, at + n, &s))
        n++;
    return n;
}

static int pages_draw(struct walk *w, int first, int count, struct reason *why)
{
    const struct drawing d = {w->file.data, w->file.size,
                              side_drawn(w->wanted->side), first, count};
    return draw_pages(&d, page_give, &w->taker, &w->total, why);
}

static int pages_walk(struct walk *w, struct reason *why)
{
    int known = w->file.page_count + 1 - w->wanted->first, err = 0;
    int count = w->wanted->count < known ? w->wanted->count : known;
    int at = w->wanted->first, end = at + (count > 0 ? count : 0);
    while (at < end && err == 0) {
        bool given;
        err = scan_give(w, at, &given, why);
        int n = given || err ? 1 : run_length(w, at, end);
        if (!given && err == 0)
            err = pages_draw(w, at, n, why);
        at += n;
    }
    return err;
}

static int pdf_pages(const uint8_t *data, size_t size,
                     const struct pages_wanted *wanted, page_taker *take,
                     void *context, int *total, struct reason *why)
{
    struct walk w = {.wanted = wanted, .taker = {take, context}};
    int err;
    if (wanted->side > 0 && wanted->count > 0 &&
        pdf_open(&w.file, data, size)) {
        err = pages_walk(&w, why);
        *total = w.total ? w.total : w.file.page_count;
        pdf_release(&w.file);
        return err;
    }
    w.file = (struct pdf_file){.data = data, .size = size};
    err = pages_draw(&w, wanted->first, wanted->count, why);
    *total = w.total;
    return err;
}

static int page_take(void *context, const struct drawn_page *page,
                     struct reason *why)
{
    return page_picture(page, context, why);
}

static int pdf_decode_page(struct picture *out, const uint8_t *data,
                           size_t size, int number, int side,
                           struct reason *why)
{
    const struct drawing d = {data, size, side_drawn(side), number, 1};
    struct pdf_file f;
    int total;
    if (side > 0 && pdf_open(&f, data, size)) {
        bool decoded = scan_decode(&f, number, side, out);
        pdf_release(&f);
        if (decoded)
            return 0;
    }
    int err = draw_pages(&d, page_take, out, &total, why);
    return err == 0 && number > total ? picture_no_page(number, total, why)
                                      : err;
}

static int pdf_decode(struct picture *out, const uint8_t *data, size_t size,
                      int side, struct reason *why)
{
    return pdf_decode_page(out, data, size, 1, side, why);
}

static bool pdf_matches(const uint8_t *data, size_t size)
{
    return size >= 5 && !memcmp(data, "%PDF-", 5);
}

const struct picture_format picture_pdf = {pdf_matches, pdf_decode,
                                           pdf_decode_page, pdf_pages};
