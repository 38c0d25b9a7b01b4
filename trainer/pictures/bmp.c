/*
 * BMP, and DIB, which is BMP without the file header. The reader is our own
 * because Debian has no library that is strict enough: stb_image takes missing
 * bytes for zeroes, and a colour past the palette for whatever is on the stack.
 * Run-length encoding is not read; nothing has written it for decades.
 */
#include "trainer/pictures/format.h"

#include <errno.h>
#include <string.h>

enum { FILE_HEADER_BYTES = 14, CORE_HEADER_BYTES = 12, INFO_BYTES = 40 };
enum { PLAIN = 0, BIT_FIELDS = 3, ALPHA_BIT_FIELDS = 6 };

struct bmp {
    const uint8_t *data;
    size_t size;
    size_t info;   /* offset of the info header */
    size_t pixels; /* offset of the pixels */
    size_t line;   /* bytes of a line, including its padding */
    uint32_t header_bytes, bits, compression;
    bool from_top;
    uint32_t mask[3];       /* the bits of red, green and blue */
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

static int bmp_measure(struct bmp *b, struct picture *out, struct reason *why)
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
    int err = picture_bound(width, height, why);
    if (err)
        return err;
    picture_measured(out, (uint32_t)width, (uint32_t)height);
    return 0;
}

static int bmp_masks(struct bmp *b, size_t *end, struct reason *why)
{
    static const uint32_t plain[2][3] = {{0x7C00, 0x3E0, 0x1F},
                                         {0xFF0000, 0xFF00, 0xFF}};
    memcpy(b->mask, plain[b->bits == 32], sizeof b->mask);
    if (b->compression == PLAIN)
        return 0;
    size_t at = b->info + INFO_BYTES;
    size_t bytes = b->compression == ALPHA_BIT_FIELDS ? 16 : 12;
    if (b->header_bytes == INFO_BYTES)
        *end += bytes;
    if (at + bytes > b->size)
        return cut_short(why);
    for (int c = 0; c < 3; c++) {
        uint32_t m = b->mask[c] = bmp_u32(b, at + 4 * (size_t)c);
        uint32_t low = m & -m; /* the bits of a mask must be one run */
        if (m == 0 || (m & (m + low)))
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

static int bmp_layout(struct bmp *b, const struct picture *out,
                      struct reason *why)
{
    uint32_t bits = b->bits;
    bool fields =
        b->compression == BIT_FIELDS || b->compression == ALPHA_BIT_FIELDS;
    if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 &&
        bits != 32)
        return refuse(why, EINVAL, "is a BMP of %u bits a pixel", bits);
    if (b->compression != PLAIN && !(fields && (bits == 16 || bits == 32)))
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
    return b->pixels > b->size || bytes > b->size - b->pixels ? cut_short(why)
                                                              : 0;
}

static int bmp_header(struct bmp *b, struct picture *out, struct reason *why)
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
    int err = bmp_measure(b, out, why);
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

static void line_masked(const struct bmp *b, const uint8_t *line, int width,
                        uint8_t *rgb)
{
    size_t bytes = b->bits / 8;
    for (int x = 0; x < width; x++, line += bytes)
        for (int c = 0; c < 3; c++) {
            uint32_t v = 0, m = b->mask[c], low = m & -m;
            for (size_t i = 0; i < bytes; i++)
                v |= (uint32_t)line[i] << 8 * i;
            uint64_t most = m / low;
            *rgb++ = (uint8_t)(((v & m) / low * 255 + most / 2) / most);
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

static int bmp_pixels(const struct bmp *b, struct picture *out,
                      struct reason *why)
{
    picture_reserve(out, out->width, out->height);
    int err = picture_alloc(out, out->width, out->height, why);
    for (int y = 0; err == 0 && y < out->height; y++) {
        int from = b->from_top ? y : out->height - 1 - y;
        const uint8_t *line = b->data + b->pixels + b->line * (size_t)from;
        uint8_t *rgb = out->rgb + (size_t)y * (size_t)out->width * 3;
        if (b->bits == 24)
            line_plain(line, out->width, rgb);
        else if (b->bits > 8)
            line_masked(b, line, out->width, rgb);
        else if (!line_indexed(b, line, out->width, rgb))
            err = refuse(why, EINVAL,
                         "is not a good BMP: a colour outside its palette");
    }
    return err;
}

static int bmp_decode(struct picture *out, const uint8_t *data, size_t size,
                      int side, struct reason *why)
{
    struct bmp b = {.data = data, .size = size};
    int err = bmp_header(&b, out, why);
    if (err == 0 && side != PICTURE_MEASURE)
        err = bmp_pixels(&b, out, why);
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

const struct picture_format picture_bmp = {bmp_matches, bmp_decode};
