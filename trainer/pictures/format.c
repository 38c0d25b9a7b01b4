#include "trainer/pictures/format.h"

#include "trainer/pictures/budget.h"
#include "trainer/pictures/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int picture_bound(int64_t width, int64_t height, struct reason *why)
{
    if (width <= 0 || height <= 0)
        return refuse(why, EINVAL, "has no pixels (%lld x %lld)",
                      (long long)width, (long long)height);
    if (width > PICTURE_PIXELS_MAX || height > PICTURE_PIXELS_MAX / width)
        return refuse(why, EFBIG,
                      "has too many pixels: %lld x %lld, at most %d million "
                      "are decoded",
                      (long long)width, (long long)height,
                      PICTURE_PIXELS_MAX / 1000000);
    return 0;
}

/* Whether a picture of two colours is taken line by line. */
static bool is_streamed(int64_t width, int64_t height, int side)
{
    enum { STREAMED_FROM = 4 * 1000 * 1000 };
    return side > 0 && width > side && width * height > STREAMED_FROM &&
           height <= PICTURE_PIXELS_MAX / side;
}

int picture_bound_bilevel(int64_t width, int64_t height, int side,
                          struct reason *why)
{
    bool small = width <= 0 || height <= 0 || width > INT32_MAX ||
                 height > INT32_MAX || width <= PICTURE_PIXELS_MAX / height ||
                 !(side == PICTURE_MEASURE || is_streamed(width, height, side));
    if (small)
        return picture_bound(width, height, why);
    if (width > PICTURE_BILEVEL_MAX / height)
        return refuse(why, EFBIG,
                      "has too many pixels: %lld x %lld, at most %d million "
                      "of two colours are decoded",
                      (long long)width, (long long)height,
                      PICTURE_BILEVEL_MAX / 1000000);
    return 0;
}

int lines_open(struct lines *l, struct picture *out, int side, bool bilevel,
               struct reason *why)
{
    int width = out->full_width, height = out->full_height;
    *l = (struct lines){.out = out, .side = side};
    if (!bilevel || !is_streamed(width, height, side)) {
        picture_reserve(out, width, height);
        return picture_alloc(out, width, height, why);
    }
    picture_reserve(out, side, height);
    l->line = malloc((size_t)width * 3);
    if (!l->line)
        return refuse(why, ENOMEM, "no memory for a line of %d pixels", width);
    int err = filter_open(&l->filter, width, side, why);
    return err ? err : picture_alloc(out, side, height, why);
}

void lines_close(struct lines *l)
{
    free(l->line);
    filter_free(l->filter);
    *l = (struct lines){0};
}

uint8_t *lines_at(const struct lines *l, int y)
{
    return l->line ? l->line
                   : l->out->rgb + (size_t)y * (size_t)l->out->width * 3;
}

void lines_done(const struct lines *l, int y)
{
    if (l->line)
        filter_line(l->filter, l->line, l->side,
                    l->out->rgb + (size_t)y * (size_t)l->side * 3);
}

void picture_reserve(struct picture *out, int64_t width, int64_t height)
{
    budget_take(&out->held, (size_t)width * (size_t)height * (3 + 4));
}

int picture_alloc(struct picture *out, int width, int height,
                  struct reason *why)
{
    out->width = width;
    out->height = height;
    out->rgb = malloc((size_t)width * (size_t)height * 3);
    if (!out->rgb)
        return refuse(why, ENOMEM, "no memory for %d x %d pixels", width,
                      height);
    return 0;
}

void picture_measured(struct picture *out, uint32_t width, uint32_t height)
{
    out->width = out->full_width = (int)width;
    out->height = out->full_height = (int)height;
}

int picture_orient(struct picture *p, int orientation, struct reason *why)
{
    if (orientation <= 1 || orientation > 8)
        return 0;
    /* The values 5 to 8 swap rows and columns; these masks list the values that
     * are mirrored along an axis of the stored picture. */
    bool swap = orientation >= 5;
    bool flip_x = (1 << orientation) & (1 << 2 | 1 << 3 | 1 << 7 | 1 << 8);
    bool flip_y = (1 << orientation) & (1 << 3 | 1 << 4 | 1 << 6 | 1 << 7);
    struct picture in = *p;
    p->width = swap ? in.height : in.width;
    p->height = swap ? in.width : in.height;
    p->full_width = swap ? in.full_height : in.full_width;
    p->full_height = swap ? in.full_width : in.full_height;
    if (!in.rgb)
        return 0;
    if (picture_alloc(p, p->width, p->height, why)) {
        *p = in;
        return -ENOMEM;
    }
    ptrdiff_t line = (ptrdiff_t)in.width * 3;
    ptrdiff_t along_x = flip_x ? -3 : 3, along_y = flip_y ? -line : line;
    const uint8_t *first = in.rgb + (flip_x ? line - 3 : 0) +
                           (flip_y ? line * (in.height - 1) : 0);
    uint8_t *to = p->rgb;
    for (int y = 0; y < p->height; y++) {
        const uint8_t *from = first + y * (swap ? along_x : along_y);
        for (int x = 0; x < p->width; x++, to += 3) {
            memcpy(to, from, 3);
            from += swap ? along_y : along_x;
        }
    }
    free(in.rgb);
    return 0;
}
