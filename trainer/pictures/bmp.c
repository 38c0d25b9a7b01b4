/*
 * BMP, and DIB, which is BMP without the file header. The reader is our own
 * because Debian has no library that is strict enough: stb_image takes missing
 * bytes for zeroes, and a colour past the palette for whatever is on the stack.
 */
#include "trainer/pictures/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_HEADER_BYTES = 14, CORE_HEADER_BYTES = 12, INFO_BYTES = 40 };
enum { PLAIN = 0, RLE8 = 1, RLE4 = 2, BIT_FIELDS = 3, ALPHA_BIT_FIELDS = 6 };
/* The smallest header that has a mask of alpha, behind those of the colours. */
enum { ALPHA_HEADER_BYTES = 56, ALPHA = 3 };

struct bmp {
    const uint8_t *data;
    size_t size;
    size_t info;   /* offset of the info header */
    size_t pixels; /* offset of the pixels */
    size_t line;   /* bytes of a line, including its padding */
    uint32_t header_bytes, bits, compression;
    bool from_top;
    uint32_t mask[4];       /* the bits of red, green, blue and alpha */
    const uint8_t *palette; /* blue, green, red, and perhaps a fourth byte */
    uint32_t colours, colour_bytes;
};

static uint32_t bmp_u16(const struct bmp *b, size_t at)
{
    return (uint32_t)b->data[at] | (uint32_t)b->data[at + 1] << 8;
}

static uint32_t bmp_u32(const struct bmp *b, size_t at)
{
    return bmp_u16(b, at) | bmp_u16(b, at + 2) << 16;
}

static bool header_known(uint32_t bytes)
{
    return bytes == CORE_HEADER_BYTES || bytes == INFO_BYTES || bytes == 52 ||
           bytes == 56 || bytes == 64 || bytes == 108 || bytes == 124;
}

static int cut_short(struct reason *why)
{
    return refuse(why, EINVAL, "is cut short: the BMP says it is longer");
}

static int bmp_measure(struct bmp *b, struct picture *out, int side,
                       struct reason *why)
{
    int64_t width, height;
    size_t at = b->info;
    if (b->header_bytes == CORE_HEADER_BYTES) {
        width = bmp_u16(b, at + 4);
        height = bmp_u16(b, at + 6);
        b->bits = bmp_u16(b, at + 10);
    } else {
        width = (int32_t)bmp_u32(b, at + 4);
        height = (int32_t)bmp_u32(b, at + 8);
        b->bits = bmp_u16(b, at + 14);
        b->compression = bmp_u32(b, at + 16);
        b->colours = bmp_u32(b, at + 32);
    }
    b->from_top = height < 0;
    height = height < 0 ? -height : height;
    int err = b->bits == 1 && b->compression == PLAIN
                  ? picture_bound_bilevel(width, height, side, why)
                  : picture_bound(width, height, why);
    if (err)
        return err;
    picture_measured(out, (uint32_t)width, (uint32_t)height);
    return 0;
}

static int bmp_masks(struct bmp *b, size_t *end, struct reason *why)
{
    static const uint32_t plain[2][3] = {{0x7C00, 0x3E0, 0x1F},
                                         {0xFF0000, 0xFF00, 0xFF}};
    memcpy(b->mask, plain[b->bits == 32], sizeof plain[0]);
    if (b->compression == PLAIN)
        return 0;
    size_t at = b->info + INFO_BYTES;
    bool alpha = b->compression == ALPHA_BIT_FIELDS ||
                 b->header_bytes >= ALPHA_HEADER_BYTES;
    size_t bytes = alpha ? 16 : 12;
    if (b->header_bytes == INFO_BYTES)
        *end += bytes;
    if (at + bytes > b->size)
        return cut_short(why);
    for (int c = 0; c < (alpha ? 4 : 3); c++) {
        uint32_t m = b->mask[c] = bmp_u32(b, at + 4 * (size_t)c);
        uint32_t low = m & -m; /* the bits of a mask must be one run */
        if ((m == 0 && c != ALPHA) || (m & (m + low)))
            return refuse(why, EINVAL, "has a bad BMP colour mask 0x%08x", m);
    }
    return 0;
}

static int bmp_palette(struct bmp *b, size_t *end, struct reason *why)
{
    uint32_t most = 1u << b->bits;
    if (b->colours > most)
        return refuse(why, EINVAL,
                      "has a BMP palette of %u colours, at most "
                      "%u are possible",
                      b->colours, most);
    if (b->colours == 0)
        b->colours = most;
    b->colour_bytes = b->header_bytes == CORE_HEADER_BYTES ? 3 : 4;
    b->palette = b->data + *end;
    *end += (size_t)b->colours * b->colour_bytes;
    return *end > b->size ? cut_short(why) : 0;
}

static bool bmp_is_rle(const struct bmp *b)
{
    return (b->compression == RLE8 && b->bits == 8) ||
           (b->compression == RLE4 && b->bits == 4);
}

static int bmp_layout(struct bmp *b, const struct picture *out,
                      struct reason *why)
{
    uint32_t bits = b->bits;
    bool fields =
        b->compression == BIT_FIELDS || b->compression == ALPHA_BIT_FIELDS;
    if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 &&
        bits != 32)
        return refuse(why, EINVAL, "is a BMP of %u bits a pixel", bits);
    if (b->compression != PLAIN && !bmp_is_rle(b) &&
        !(fields && (bits == 16 || bits == 32)))
        return refuse(why, EINVAL,
                      "is a compressed BMP (%u), which is not read",
                      b->compression);
    size_t end = b->info + b->header_bytes;
    int err = 0;
    if (bits <= 8)
        err = bmp_palette(b, &end, why);
    else if (bits != 24)
        err = bmp_masks(b, &end, why);
    if (err)
        return err;
    if (b->info == 0) /* a DIB: there is no file header to say where */
        b->pixels = end;
    size_t width = (size_t)out->width, height = (size_t)out->height;
    b->line = (width * bits + 31) / 32 * 4;
    /* The padding of the last line may be missing. */
    size_t bytes = b->line * (height - 1) + (width * bits + 7) / 8;
    /* Pixels may overlap a palette whose unused end was left out. */
    if (b->pixels < end - (b->palette ? b->colours * b->colour_bytes : 0))
        return refuse(why, EINVAL,
                      "is not a good BMP: its pixels begin in "
                      "its header");
    if (bmp_is_rle(b)) /* how long it is shows when it is read */
        bytes = 0;
    return b->pixels > b->size || bytes > b->size - b->pixels ? cut_short(why)
                                                              : 0;
}

static int bmp_header(struct bmp *b, struct picture *out, int side,
                      struct reason *why)
{
    b->info = b->data[0] == 'B' ? FILE_HEADER_BYTES : 0;
    if (b->size < b->info + CORE_HEADER_BYTES)
        return cut_short(why);
    b->header_bytes = bmp_u32(b, b->info);
    if (!header_known(b->header_bytes))
        return refuse(why, EINVAL, "has an unknown BMP header of %u bytes",
                      b->header_bytes);
    if (b->size < b->info + b->header_bytes)
        return cut_short(why);
    if (b->info)
        b->pixels = bmp_u32(b, b->info - 4);
    int err = bmp_measure(b, out, side, why);
    return err ? err : bmp_layout(b, out, why);
}

/* Returns false if the line has a colour that is not in the palette. */
static bool line_indexed(const struct bmp *b, const uint8_t *line, int width,
                         uint8_t *rgb)
{
    unsigned bits = b->bits, most = (1u << bits) - 1;
    for (int x = 0; x < width; x++, rgb += 3) {
        unsigned bit = (unsigned)x * bits;
        unsigned i = line[bit / 8] >> (8 - bits - bit % 8) & most;
        if (i >= b->colours)
            return false;
        const uint8_t *colour = b->palette + i * b->colour_bytes;
        rgb[0] = colour[2];
        rgb[1] = colour[1];
        rgb[2] = colour[0];
    }
    return true;
}

static uint32_t pixel_at(const struct bmp *b, const uint8_t *line, int x)
{
    size_t bytes = b->bits / 8;
    uint32_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v |= (uint32_t)line[(size_t)x * bytes + i] << 8 * i;
    return v;
}

/* What the bits of a mask say, 0 to 255. */
static unsigned masked(uint32_t pixel, uint32_t mask)
{
    uint32_t low = mask & -mask;
    uint64_t most = mask / low;
    return (unsigned)(((pixel & mask) / low * 255 + most / 2) / most);
}

static void line_masked(const struct bmp *b, const uint8_t *line, int width,
                        uint8_t *rgb)
{
    for (int x = 0; x < width; x++) {
        uint32_t pixel = pixel_at(b, line, x);
        unsigned a = b->mask[ALPHA] ? masked(pixel, b->mask[ALPHA]) : 255;
        for (int c = 0; c < 3; c++) /* over white */
            *rgb++ = (uint8_t)((masked(pixel, b->mask[c]) * a +
                                255 * (255 - a) + 127) /
                               255);
    }
}

static void line_plain(const uint8_t *line, int width, uint8_t *rgb)
{
    for (int x = 0; x < width; x++, line += 3, rgb += 3) {
        rgb[0] = line[2];
        rgb[1] = line[1];
        rgb[2] = line[0];
    }
}

static const uint8_t *line_of(const struct bmp *b, int y, int height)
{
    int from = b->from_top ? y : height - 1 - y;
    return b->data + b->pixels + b->line * (size_t)from;
}

/* Many programs leave the bits of alpha 0 in a picture that has none. */
static void alpha_settle(struct bmp *b, int width, int height)
{
    for (int y = 0; b->mask[ALPHA] && y < height; y++)
        for (int x = 0; x < width; x++)
            if (pixel_at(b, line_of(b, y, height), x) & b->mask[ALPHA])
                return;
    b->mask[ALPHA] = 0;
}

/* Run-length encoding: pairs of a count and a colour (or, of four bits, two
 * colours in turn); a count of 0 is followed by the end of a line (0), the end
 * of the picture (1), a step to the right and up (2), or so many single
 * colours, padded to two bytes. What is left out has the first colour. */
struct runs {
    const struct bmp *b;
    size_t at;
    uint8_t *indices; /* [height, width], in the order of the file */
    int width, height, x, y;
};

static void run_put(struct runs *r, unsigned colour)
{
    if (r->x < r->width && r->y < r->height)
        r->indices[(size_t)r->y * (size_t)r->width + (size_t)r->x] =
            (uint8_t)colour;
    r->x += r->x < r->width;
}

/* Colour i of those that begin at `p`. */
static unsigned run_colour(const struct runs *r, const uint8_t *p, unsigned i)
{
    if (r->b->compression == RLE8)
        return p[i];
    return i % 2 ? p[i / 2] & 15u : p[i / 2] >> 4u;
}

static bool run_single(struct runs *r, unsigned count)
{
    size_t bytes = r->b->compression == RLE8 ? count : (count + 1) / 2;
    if (bytes > r->b->size - r->at)
        return false;
    for (unsigned i = 0; i < count; i++)
        run_put(r, run_colour(r, r->b->data + r->at, i));
    bytes += bytes % 2;
    r->at += bytes < r->b->size - r->at ? bytes : r->b->size - r->at;
    return true;
}

static bool run_step(struct runs *r)
{
    if (r->b->size - r->at < 2)
        return false;
    r->x += r->x < r->width ? r->b->data[r->at] : 0;
    r->y += r->b->data[r->at + 1];
    r->at += 2;
    return true;
}

/* Takes one pair, and sets *end if it was the last one. Returns false where
 * the file ends. */
static bool run_take(struct runs *r, bool *end)
{
    const uint8_t *p = r->b->data + r->at;
    if (r->b->size - r->at < 2)
        return false;
    r->at += 2;
    for (unsigned i = 0; i < p[0]; i++) /* both nibbles of one byte in turn */
        run_put(r,
                r->b->compression == RLE8 ? p[1] : run_colour(r, p + 1, i % 2));
    if (p[0])
        return true;
    if (p[1] == 0) {
        r->x = 0;
        r->y++;
    }
    *end = p[1] == 1;
    return p[1] < 2 || (p[1] == 2 ? run_step(r) : run_single(r, p[1]));
}

/* A pair of bytes stands for 255 pixels at most. A large picture whose file is
 * shorter than that leaves most of it out, as only a damaged one does. */
static bool runs_too_short(const struct bmp *b, const struct picture *out)
{
    enum { PIXELS_OF_A_BYTE = 128, ANY = 1000 * 1000 };
    int64_t pixels = (int64_t)out->width * out->height;
    return pixels > ANY &&
           pixels / PIXELS_OF_A_BYTE > (int64_t)(b->size - b->pixels);
}

/* Whether the last line has been reached and filled: then the end may be
 * missing. */
static bool runs_fill(const struct runs *r)
{
    return r->y >= r->height || (r->y == r->height - 1 && r->x >= r->width);
}

static int runs_colours(const struct runs *r, struct picture *out,
                        struct reason *why)
{
    const struct bmp *b = r->b;
    for (int y = 0; y < r->height; y++) {
        int to = b->from_top ? y : r->height - 1 - y;
        uint8_t *rgb = out->rgb + (size_t)to * (size_t)r->width * 3;
        for (int x = 0; x < r->width; x++, rgb += 3) {
            unsigned i = r->indices[(size_t)y * (size_t)r->width + (size_t)x];
            if (i >= b->colours)
                return refuse(why, EINVAL,
                              "is not a good BMP: a colour outside its "
                              "palette");
            const uint8_t *colour = b->palette + i * b->colour_bytes;
            rgb[0] = colour[2];
            rgb[1] = colour[1];
            rgb[2] = colour[0];
        }
    }
    return 0;
}

static int bmp_runs(const struct bmp *b, struct picture *out,
                    struct reason *why)
{
    int width = out->width, height = out->height;
    struct runs r = {.b = b, .at = b->pixels, .width = width, .height = height};
    bool end = false;
    if (runs_too_short(b, out))
        return cut_short(why);
    picture_reserve(out, width, height);
    int err = picture_alloc(out, width, height, why);
    if (err)
        return err;
    r.indices = calloc((size_t)height, (size_t)width);
    if (!r.indices)
        return refuse(why, ENOMEM, "no memory for %d x %d pixels", width,
                      height);
    while (err == 0 && !end && r.y <= r.height)
        if (!run_take(&r, &end))
            break;
    if (!end && !runs_fill(&r))
        err = cut_short(why);
    if (err == 0)
        err = runs_colours(&r, out, why);
    free(r.indices);
    return err;
}

static int bmp_pixels(struct bmp *b, struct picture *out, int side,
                      struct reason *why)
{
    int width = out->width, height = out->height;
    struct lines lines;
    if (bmp_is_rle(b))
        return bmp_runs(b, out, why);
    alpha_settle(b, width, height);
    int err = lines_open(&lines, out, side, b->bits == 1, why);
    for (int y = 0; err == 0 && y < height; y++) {
        const uint8_t *line = line_of(b, y, height);
        uint8_t *rgb = lines_at(&lines, y);
        if (b->bits == 24)
            line_plain(line, width, rgb);
        else if (b->bits > 8)
            line_masked(b, line, width, rgb);
        else if (!line_indexed(b, line, width, rgb))
            err = refuse(why, EINVAL,
                         "is not a good BMP: a colour outside its palette");
        if (err == 0)
            lines_done(&lines, y);
    }
    lines_close(&lines);
    return err;
}

static int bmp_decode(struct picture *out, const uint8_t *data, size_t size,
                      int side, struct reason *why)
{
    struct bmp b = {.data = data, .size = size};
    int err = bmp_header(&b, out, side, why);
    if (err == 0 && side != PICTURE_MEASURE)
        err = bmp_pixels(&b, out, side, why);
    return err;
}

/* A DIB has no signature: it begins with the size of its header, and the number
 * of planes, which is always 1, must confirm it. */
static bool bmp_matches(const uint8_t *data, size_t size)
{
    struct bmp b = {.data = data, .size = size};
    if (size >= 2 && data[0] == 'B' && data[1] == 'M')
        return true;
    if (size < 16)
        return false;
    uint32_t bytes = bmp_u32(&b, 0);
    return header_known(bytes) &&
           bmp_u16(&b, bytes == CORE_HEADER_BYTES ? 8 : 12) == 1;
}

const struct picture_format picture_bmp = {.matches = bmp_matches,
                                           .decode = bmp_decode};
