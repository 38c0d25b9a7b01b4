#include "trainer/pictures/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

struct png_reader {
    png_structp png;
    png_infop info;
    const uint8_t *data;
    size_t size, at;
    uint8_t *rgba; /* [height, width, 4], NULL = there is no alpha */
    png_bytep *rows;
    struct lines lines;
    struct reason *why;
};

static const uint8_t signature[8] = {0x89, 'P',  'N',  'G',
                                     '\r', '\n', 0x1A, '\n'};

static void reader_fail(png_structp png, png_const_charp message)
{
    struct png_reader *r = png_get_error_ptr(png);
    refuse(r->why, EINVAL, "is not a good PNG: %s", message);
    png_longjmp(png, 1);
}

static void reader_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message; /* libpng warns about metadata only */
}

static void reader_take(png_structp png, png_bytep to, size_t n)
{
    struct png_reader *r = png_get_io_ptr(png);
    if (n > r->size - r->at) {
        refuse(r->why, EINVAL, "is cut short: the PNG has no end");
        png_longjmp(png, 1);
    }
    memcpy(to, r->data + r->at, n);
    r->at += n;
}

static int reader_orientation(struct png_reader *r)
{
    png_uint_32 size = 0;
    png_bytep exif = NULL;
    if (!png_get_eXIf_1(r->png, r->info, &size, &exif))
        return 1;
    return exif_orientation(exif, size);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

/* Where the fields of the header are, which must be the first chunk. */
enum {
    NAME_AT = 12,
    WIDTH_AT = 16,
    HEIGHT_AT = 20,
    BITS_AT = 24,
    INTERLACED_AT = 28,
    HEADER_BYTES = 33
};

/* The signature has line ends of all systems, which a transfer as text
 * changes. */
static int header_check(const struct png_reader *r)
{
    size_t n = r->size < sizeof signature ? r->size : sizeof signature;
    if (memcmp(r->data, signature, n))
        return refuse(r->why, EINVAL,
                      "is not a good PNG: damaged by a text-mode transfer");
    if (r->size < HEADER_BYTES)
        return refuse(r->why, EINVAL, "is cut short: the PNG has no header");
    if (memcmp(r->data + NAME_AT, "IHDR", 4))
        return refuse(r->why, EINVAL,
                      "is not a good PNG: it does not begin with its header");
    return 0;
}

/* One bit a pixel, so that there are two colours, and lines in their order. */
static bool is_bilevel(const struct png_reader *r)
{
    return r->data[BITS_AT] == 1 && r->data[INTERLACED_AT] == 0;
}

/* Checks the size that the header claims before libpng reads it and allocates
 * memory. */
static int header_bound(const struct png_reader *r, int side)
{
    uint32_t width = be32(r->data + WIDTH_AT);
    uint32_t height = be32(r->data + HEIGHT_AT);
    return is_bilevel(r) ? picture_bound_bilevel(width, height, side, r->why)
                         : picture_bound(width, height, r->why);
}

/* Makes libpng turn whatever the file holds into 8-bit RGB, or RGBA if there is
 * alpha. Returns the bytes of a pixel. */
static size_t reader_transform(struct png_reader *r)
{
    png_set_expand(r->png);
    png_set_scale_16(r->png);
    png_set_gray_to_rgb(r->png);
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    return png_get_channels(r->png, r->info);
}

static void over_white(const uint8_t *rgba, uint8_t *rgb, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, rgba += 4)
        for (int c = 0; c < 3; c++) {
            unsigned a = rgba[3];
            *rgb++ = (uint8_t)((rgba[c] * a + 255 * (255 - a) + 127) / 255);
        }
}

/* Reads line by line, without alpha. */
static int reader_lines(struct png_reader *r, struct picture *out, int side)
{
    int height = out->height;
    int err = lines_open(&r->lines, out, side, true, r->why);
    for (int y = 0; err == 0 && y < height; y++) {
        png_read_row(r->png, lines_at(&r->lines, y), NULL);
        lines_done(&r->lines, y);
    }
    if (err == 0)
        png_read_end(r->png, r->info);
    return err;
}

static int reader_pixels(struct png_reader *r, struct picture *out, int side)
{
    size_t width = (size_t)out->width, height = (size_t)out->height;
    size_t bytes = reader_transform(r);
    if (bytes == 3 && is_bilevel(r))
        return reader_lines(r, out, side);
    int bound = picture_bound(out->width, out->height, r->why);
    if (bound)
        return bound;
    picture_reserve(out, out->width, out->height);
    int err = picture_alloc(out, out->width, out->height, r->why);
    if (err)
        return err;
    uint8_t *to = out->rgb;
    if (bytes == 4)
        to = r->rgba = malloc(width * height * 4);
    r->rows = malloc(height * sizeof *r->rows);
    if (!to || !r->rows)
        return refuse(r->why, ENOMEM, "no memory for %zu x %zu pixels", width,
                      height);
    for (size_t y = 0; y < height; y++)
        r->rows[y] = to + y * width * bytes;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, r->info);
    if (r->rgba)
        over_white(r->rgba, out->rgb, width * height);
    return 0;
}

/* All calls that may longjmp() are in here. Whatever must survive that is in *r
 * and *out. */
static int reader_run(struct png_reader *r, struct picture *out, int side)
{
    int err = header_check(r);
    if (err == 0)
        err = header_bound(r, side);
    if (err)
        return err;
    png_set_read_fn(r->png, r, reader_take);
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_read_info(r->png, r->info);
    png_uint_32 width = png_get_image_width(r->png, r->info);
    png_uint_32 height = png_get_image_height(r->png, r->info);
    picture_measured(out, width, height);
    if (side != PICTURE_MEASURE) {
        err = reader_pixels(r, out, side);
        if (err)
            return err;
    }
    return picture_orient(out, reader_orientation(r), r->why);
}

static int reader_open(struct png_reader *r)
{
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, reader_fail,
                                    reader_warning);
    if (r->png)
        r->info = png_create_info_struct(r->png);
    return r->info ? 0 : refuse(r->why, ENOMEM, "no memory for a PNG reader");
}

/* The reader is a variable of the caller, because local variables of the
 * function that calls setjmp() are indeterminate after longjmp() if they have
 * been changed. */
static int reader_guard(struct png_reader *r, struct picture *out, int side)
{
    if (setjmp(png_jmpbuf(r->png)))
        return -EINVAL;
    return reader_run(r, out, side);
}

static int png_decode(struct picture *out, const uint8_t *data, size_t size,
                      int side, struct reason *why)
{
    struct png_reader r = {.data = data, .size = size, .why = why};
    int err = reader_open(&r);
    if (err == 0)
        err = reader_guard(&r, out, side);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    lines_close(&r.lines);
    free(r.rgba);
    free(r.rows);
    return err;
}

static bool png_matches(const uint8_t *data, size_t size)
{
    return size >= 4 && !memcmp(data, "\x89PNG", 4);
}

const struct picture_format picture_png = {.matches = png_matches,
                                           .decode = png_decode};
