#include "trainer/pictures/thumbnail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void thumbnail_release(struct thumbnail_made *t)
{
    text_release(&t->base64);
    *t = (struct thumbnail_made){0};
}

static void put_base64(struct text *out, const uint8_t *data, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned bits = (unsigned)data[i] << 16;
        bits |= left > 1 ? (unsigned)data[i + 1] << 8 : 0;
        bits |= left > 2 ? data[i + 2] : 0;
        char four[4] = {letters[bits >> 18], letters[bits >> 12 & 63],
                        left > 1 ? letters[bits >> 6 & 63] : '=',
                        left > 2 ? letters[bits & 63] : '='};
        text_add(out, four, sizeof four);
    }
}

static int longer(int a, int b)
{
    return a > b ? a : b;
}

/* Scales a side of the whole picture. */
static int scaled(int side, int longest, int whole)
{
    int n = (int)((long long)side * longest / whole);
    return n < 1 ? 1 : n;
}

/* Takes one pixel of each step x step, into `rgb`: averaging all pixels of what
 * was not decoded to a smaller size takes longer than a small picture is
 * worth. */
static struct picture thin(const struct picture *p, int step, uint8_t *rgb)
{
    struct picture out = *p;
    out.width = p->width / step;
    out.height = p->height / step;
    out.rgb = rgb;
    for (int y = 0; y < out.height; y++) {
        const uint8_t *from =
            p->rgb + (size_t)(y * step) * (size_t)p->width * 3;
        for (int x = 0; x < out.width; x++, rgb += 3, from += 3 * step)
            memcpy(rgb, from, 3);
    }
    return out;
}

/* Resizes, by way of SPARE times the sides where there are more pixels than
 * that. */
static int resize(const struct picture *p, int width, int height, uint8_t *rgb)
{
    enum { SPARE = 3 };
    int x = p->width / (SPARE * width), y = p->height / (SPARE * height);
    int step = x < y ? x : y;
    if (step < 2)
        return picture_resize_to(p, width, height, rgb, NULL);
    uint8_t *few =
        malloc((size_t)(p->width / step) * (size_t)(p->height / step) * 3);
    if (!few)
        return -ENOMEM;
    struct picture thinned = thin(p, step, few);
    int err = picture_resize_to(&thinned, width, height, rgb, NULL);
    free(few);
    return err;
}

int thumbnail_make(const struct picture *p, int side,
                   struct thumbnail_made *out)
{
    int longest = longer(p->width, p->height);
    int whole = longer(p->full_width, p->full_height);
    longest = longest < side ? longest : side;
    int width = scaled(p->full_width, longest, whole);
    int height = scaled(p->full_height, longest, whole);
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3), *jpeg = NULL;
    size_t size = 0;
    int err = rgb ? resize(p, width, height, rgb) : -ENOMEM;
    if (err == 0)
        err = picture_to_jpeg(rgb, width, height, &jpeg, &size, NULL);
    if (err == 0) {
        *out = (struct thumbnail_made){width, height, TEXT_INIT};
        put_base64(&out->base64, jpeg, size);
    }
    free(jpeg);
    free(rgb);
    return err;
}
