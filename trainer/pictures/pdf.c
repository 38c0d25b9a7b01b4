#include "trainer/pages/drawer.h"
#include "trainer/pictures/format.h"

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

static int pdf_pages(const uint8_t *data, size_t size,
                     const struct pages_wanted *wanted, page_taker *take,
                     void *context, int *total, struct reason *why)
{
    struct taker t = {take, context};
    const struct drawing d = {data, size, side_drawn(wanted->side),
                              wanted->first, wanted->count};
    return draw_pages(&d, page_give, &t, total, why);
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
    int total;
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
