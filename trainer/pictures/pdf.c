#include "trainer/pages/drawer.h"
#include "trainer/pictures/budget.h"
#include "trainer/pictures/format.h"

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

/* Decodes a page that is one scanned picture, and no smaller than it has to be;
 * else *out is as it was. The bytes are copied: those that are there can be
 * changed by who read the document. */
static bool scan_decode(const struct scan *s, int side, struct picture *out)
{
    size_t held = out->held;
    budget_take(&out->held, s->size);
    uint8_t *jpeg = malloc(s->size);
    if (jpeg)
        memcpy(jpeg, s->jpeg, s->size);
    bool good =
        jpeg &&
        jpeg_decode_stored(out, jpeg, s->size, s->channels, side, NULL) == 0 &&
        out->full_width == s->width && out->full_height == s->height &&
        out->width >= side && out->height >= side &&
        picture_orient(out, s->orientation, NULL) == 0;
    free(jpeg);
    if (!good) {
        free(out->rgb);
        *out = (struct picture){.held = out->held};
    }
    budget_keep(&out->held, good ? out->held - s->size : held);
    return good;
}

static int pixels_take(const struct drawn_page *page, struct picture *out,
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

static int page_picture(const struct drawn_page *page, int side,
                        struct picture *out, struct reason *why)
{
    if (!page->scan.jpeg)
        return pixels_take(page, out, why);
    if (!scan_decode(&page->scan, side, out))
        return DRAW_IT;
    out->full_width = page->full_width;
    out->full_height = page->full_height;
    out->more_pages = page->of > 1;
    return 0;
}

/* What takes the pages. */
struct taker {
    int side;
    page_taker *take;
    void *context;
};

static int page_give(void *context, const struct drawn_page *page,
                     struct reason *why)
{
    const struct taker *t = context;
    struct picture picture = PICTURE_INIT;
    int err = page_picture(page, t->side, &picture, why);
    if (err == 0)
        err = t->take(t->context, &picture, page->number, why);
    picture_release(&picture);
    return err;
}

static int pdf_pages(const uint8_t *data, size_t size,
                     const struct pages_wanted *wanted, page_taker *take,
                     void *context, int *total, struct reason *why)
{
    struct taker taker = {wanted->side, take, context};
    const struct drawing d = {.data = data,
                              .size = size,
                              .side = side_drawn(wanted->side),
                              .first = wanted->first,
                              .count = wanted->count,
                              .scans = wanted->side > 0 && wanted->count > 0,
                              .queue = budget_queue};
    return draw_pages(&d, page_give, &taker, total, why);
}

/* Where the only page goes. */
struct place {
    int side;
    struct picture *picture;
};

static int page_take(void *context, const struct drawn_page *page,
                     struct reason *why)
{
    const struct place *p = context;
    return page_picture(page, p->side, p->picture, why);
}

static int pdf_decode_page(struct picture *out, const uint8_t *data,
                           size_t size, int number, int side,
                           struct reason *why)
{
    struct place place = {side, out};
    const struct drawing d = {.data = data,
                              .size = size,
                              .side = side_drawn(side),
                              .first = number,
                              .count = 1,
                              .scans = side > 0,
                              .queue = budget_queue};
    int total, err = draw_pages(&d, page_take, &place, &total, why);
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
