#include "trainer/pictures/format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

enum {
    MESSAGE_BYTES = 1024, /* what TIFFRGBAImageOK() may write */
    PAGES_LOOKED_AT = 16, /* for one more that is no preview */
    TILE_MOST = 1 << 26,  /* bytes of a tile, or of a row of them */
};

struct tiff_reader {
    const uint8_t *data;
    uint64_t size, at;
    char message[MESSAGE_BYTES]; /* the first error, "" = there was none */
};

/* Callbacks of libtiff, which reads the file from memory */

static tmsize_t reader_take(thandle_t handle, void *to, tmsize_t n)
{
    struct tiff_reader *r = handle;
    uint64_t left = r->at < r->size ? r->size - r->at : 0;
    size_t got = (uint64_t)n < left ? (size_t)n : (size_t)left;
    memcpy(to, r->data + (got ? r->at : 0), got);
    r->at += got;
    return (tmsize_t)got;
}

static tmsize_t reader_put(thandle_t handle, void *from, tmsize_t n)
{
    (void)handle, (void)from, (void)n;
    return -1;
}

static toff_t reader_seek(thandle_t handle, toff_t offset, int whence)
{
    struct tiff_reader *r = handle;
    uint64_t base = whence == SEEK_CUR   ? r->at
                    : whence == SEEK_END ? r->size
                                         : 0;
    return r->at = base + offset;
}

static int reader_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t reader_size(thandle_t handle)
{
    return ((struct tiff_reader *)handle)->size;
}

static int reader_map(thandle_t handle, void **base, toff_t *size)
{
    struct tiff_reader *r = handle;
    *base = (void *)(uintptr_t)r->data; /* opened only for reading */
    *size = r->size;
    return 1;
}

static void reader_unmap(thandle_t handle, void *base, toff_t size)
{
    (void)handle, (void)base, (void)size;
}

static int on_error(TIFF *tiff, void *context, const char *module,
                    const char *format, va_list ap)
{
    struct tiff_reader *r = context;
    (void)tiff, (void)module;
    if (!r->message[0])
        vsnprintf(r->message, sizeof r->message, format, ap);
    return 1;
}

static int on_warning(TIFF *tiff, void *context, const char *module,
                      const char *format, va_list ap)
{
    (void)tiff, (void)context, (void)module, (void)format, (void)ap;
    return 1;
}

static TIFF *reader_open(struct tiff_reader *r)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    /* A header may claim a huge strip, for which libtiff would allocate. */
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)1 << 30);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, r);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, r);
    TIFF *tiff = TIFFClientOpenExt("picture", "r", r, reader_take, reader_put,
                                   reader_seek, reader_close, reader_size,
                                   reader_map, reader_unmap, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* What decides how a page is read. */
struct page {
    uint32_t width, height;
    uint16_t bits, samples, photometric, planar, orientation;
    uint16_t extra; /* what the first extra sample means; UINT16_MAX = none */
    bool alpha;     /* some extra sample is alpha */
    bool tiled;
};

static void page_take(TIFF *tiff, struct page *p)
{
    uint16_t extras = 0, *kinds = NULL, scheme = 0;
    *p = (struct page){.extra = UINT16_MAX, .tiled = TIFFIsTiled(tiff)};
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &p->width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &p->height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &p->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &p->samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &p->planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &p->orientation);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &scheme);
    if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &p->photometric))
        p->photometric = scheme == COMPRESSION_CCITTFAX3 ||
                                 scheme == COMPRESSION_CCITTFAX4 ||
                                 scheme == COMPRESSION_CCITTRLE ||
                                 scheme == COMPRESSION_CCITTRLEW
                             ? PHOTOMETRIC_MINISWHITE
                             : UINT16_MAX;
    if (TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extras, &kinds))
        for (int i = 0; i < extras; i++) {
            p->extra = kinds[0];
            p->alpha |= kinds[i] == EXTRASAMPLE_ASSOCALPHA ||
                        kinds[i] == EXTRASAMPLE_UNASSALPHA;
        }
}

static bool is_grey(const struct page *p)
{
    return p->photometric == PHOTOMETRIC_MINISBLACK ||
           p->photometric == PHOTOMETRIC_MINISWHITE;
}

static bool is_bilevel(const struct page *p)
{
    return p->bits == 1 && p->samples == 1 && is_grey(p);
}

/* Grey with one more sample, which libtiff would compose wrongly. */
static bool is_grey_and_more(const struct page *p)
{
    return p->samples == 2 && is_grey(p) && (p->bits == 8 || p->bits == 16);
}

static int bad_pixels(const struct tiff_reader *r, struct reason *why)
{
    return refuse(why, EINVAL, "is not a good TIFF: %s",
                  r->message[0] ? r->message : "its pixels can't be read");
}

/* Of one bit: a line of [width / 8] bytes becomes RGB. */
static void line_bilevel(const struct page *p, const uint8_t *bits,
                         uint8_t *rgb)
{
    unsigned flip = p->photometric == PHOTOMETRIC_MINISWHITE;
    for (uint32_t x = 0; x < p->width; x++, rgb += 3) {
        unsigned white = (bits[x / 8] >> (7 - x % 8) & 1u) ^ flip;
        memset(rgb, white ? 255 : 0, 3);
    }
}

/* A sample, of 8 or 16 bits, as 0 to `most`. */
static uint32_t sample_at(const struct page *p, const uint8_t *line, size_t i)
{
    return p->bits == 8 ? line[i] : ((const uint16_t *)(const void *)line)[i];
}

/* `grey` has each step-th sample, and so has `more`, which is alpha or of no
 * meaning to us. */
static void line_grey_and_more(const struct page *p, const uint8_t *grey,
                               const uint8_t *more, size_t step, uint8_t *rgb)
{
    uint64_t most = p->bits == 8 ? 255 : 65535;
    for (uint32_t x = 0; x < p->width; x++, rgb += 3) {
        uint64_t a = p->alpha ? sample_at(p, more, x * step) : most;
        uint64_t v = sample_at(p, grey, x * step);
        if (p->photometric == PHOTOMETRIC_MINISWHITE)
            v = p->extra == EXTRASAMPLE_ASSOCALPHA ? a - (v < a ? v : a)
                                                   : most - v;
        if (p->extra != EXTRASAMPLE_ASSOCALPHA)
            v = (v * a + most / 2) / most;
        v += most - a; /* over white */
        v = v < most ? v : most;
        memset(rgb, (int)((v * 255 + most / 2) / most), 3);
    }
}

/* Lines as they are stored, from strips or from tiles. Where the samples are in
 * planes of their own, so are those of a line here. */
struct source {
    TIFF *tiff;              /* not owned */
    const struct page *page; /* not owned */
    uint32_t planes, height; /* height: lines that are held at once */
    uint32_t from;           /* the first of them; UINT32_MAX = none yet */
    size_t bytes;            /* of a line of a plane */
    size_t tile_bytes;       /* of a line of a tile; 0 = there are strips */
    uint8_t *held;           /* [planes, height, bytes] */
    uint8_t *tile;           /* NULL = there are strips */
};

static void source_close(struct source *s)
{
    free(s->held);
    free(s->tile);
}

static size_t line_bytes(const struct page *p, uint32_t planes)
{
    return ((size_t)p->width * p->bits * (p->samples / planes) + 7) / 8;
}

static int source_open_tiles(struct source *s, struct reason *why)
{
    uint32_t height = 0;
    size_t tile = (size_t)TIFFTileSize(s->tiff);
    TIFFGetField(s->tiff, TIFFTAG_TILELENGTH, &height);
    s->tile_bytes = (size_t)TIFFTileRowSize(s->tiff);
    s->bytes = line_bytes(s->page, s->planes);
    s->height = height < s->page->height ? height : s->page->height;
    if (!height || !s->tile_bytes || tile > TILE_MOST ||
        s->bytes * s->planes > TILE_MOST / s->height)
        return refuse(why, EINVAL, "is a TIFF whose tiles are too large");
    s->tile = malloc(tile);
    return 0;
}

/* source_close() must be called even after an error. */
static int source_open(struct source *s, TIFF *tiff, const struct page *p,
                       struct reason *why)
{
    bool apart = p->samples > 1 && p->planar == PLANARCONFIG_SEPARATE;
    *s = (struct source){.tiff = tiff,
                         .page = p,
                         .planes = apart ? p->samples : 1,
                         .height = 1,
                         .from = UINT32_MAX,
                         .bytes = (size_t)TIFFScanlineSize(tiff)};
    int err = p->tiled ? source_open_tiles(s, why) : 0;
    if (err)
        return err;
    if (s->bytes < line_bytes(p, s->planes))
        return refuse(why, EINVAL,
                      "is not a good TIFF: its lines are too short");
    s->held = malloc(s->bytes * s->planes * s->height + 2);
    return s->held && (s->tile || !p->tiled)
               ? 0
               : refuse(why, ENOMEM, "no memory for a line of %u pixels",
                        p->width);
}

/* Reads a row of tiles of a plane into `to`, [height, bytes]. */
static bool tiles_read(struct source *s, uint32_t y, uint16_t plane,
                       uint8_t *to)
{
    uint32_t width = 0, lines = s->page->height - y;
    TIFFGetField(s->tiff, TIFFTAG_TILEWIDTH, &width);
    if (lines > s->height)
        lines = s->height;
    for (size_t at = 0, x = 0; at < s->bytes; at += s->tile_bytes, x += width) {
        size_t left = s->bytes - at;
        size_t take = left < s->tile_bytes ? left : s->tile_bytes;
        if (!width ||
            TIFFReadTile(s->tiff, s->tile, (uint32_t)x, y, 0, plane) < 0)
            return false;
        for (uint32_t i = 0; i < lines; i++)
            memcpy(to + i * s->bytes + at, s->tile + i * s->tile_bytes, take);
    }
    return true;
}

static bool source_read(struct source *s, uint32_t y)
{
    bool good = true;
    for (uint32_t plane = 0; good && plane < s->planes; plane++) {
        uint8_t *to = s->held + plane * s->height * s->bytes;
        good = s->tile ? tiles_read(s, y, (uint16_t)plane, to)
                       : TIFFReadScanline(s->tiff, to, y, (uint16_t)plane) >= 0;
    }
    s->from = y;
    return good;
}

/* A line of the first plane; those of the others are height x bytes behind it.
 * NULL: it cannot be read. */
static const uint8_t *source_line(struct source *s, uint32_t y)
{
    bool held = s->from <= y && y - s->from < s->height;
    if (!held && !source_read(s, y))
        return NULL;
    return s->held + (y - s->from) * s->bytes;
}

static int lines_read(struct source *s, struct tiff_reader *r,
                      const struct lines *lines, struct reason *why)
{
    const struct page *p = s->page;
    bool apart = s->planes > 1;
    size_t more = apart ? s->height * s->bytes : p->bits / 8u;
    for (uint32_t y = 0; y < p->height; y++) {
        const uint8_t *line = source_line(s, y);
        if (!line || r->message[0])
            return bad_pixels(r, why);
        uint8_t *rgb = lines_at(lines, (int)y);
        if (p->samples == 1)
            line_bilevel(p, line, rgb);
        else
            line_grey_and_more(p, line, line + more, apart ? 1 : 2, rgb);
        lines_done(lines, (int)y);
    }
    return 0;
}

static int page_lines(TIFF *tiff, const struct page *p, struct tiff_reader *r,
                      struct picture *out, int side, struct reason *why)
{
    struct lines lines;
    struct source source;
    int err = source_open(&source, tiff, p, why);
    if (err == 0) {
        err = lines_open(&lines, out, side, p->bits == 1, why);
        if (err == 0)
            err = lines_read(&source, r, &lines, why);
        lines_close(&lines);
    }
    source_close(&source);
    return err;
}

/* libtiff has multiplied colours by their alpha, but not grey. A sample that is
 * not said to be alpha is none, though libtiff takes it for one. */
static void over_white(const uint32_t *raster, const struct page *p,
                       uint8_t *rgb, size_t pixels)
{
    bool ignored = p->extra != UINT16_MAX && !p->alpha;
    bool multiply = is_grey(p) && p->extra == EXTRASAMPLE_UNASSALPHA;
    for (size_t i = 0; i < pixels; i++) {
        unsigned alpha = ignored ? 255 : TIFFGetA(raster[i]);
        unsigned colour[3] = {TIFFGetR(raster[i]), TIFFGetG(raster[i]),
                              TIFFGetB(raster[i])};
        for (int c = 0; c < 3; c++) {
            unsigned v = multiply ? (colour[c] * alpha + 127) / 255 : colour[c];
            v += 255 - alpha;
            *rgb++ = (uint8_t)(v < 255 ? v : 255);
        }
    }
}

static int image_pixels(TIFFRGBAImage *image, const struct page *p,
                        struct tiff_reader *r, struct picture *out,
                        struct reason *why)
{
    size_t pixels = (size_t)image->width * image->height;
    picture_reserve(out, image->width, image->height);
    uint32_t *raster = malloc(pixels * sizeof *raster);
    if (!raster)
        return refuse(why, ENOMEM, "no memory for %u x %u pixels", image->width,
                      image->height);
    /* Ask for the pixels as they are stored: libtiff could mirror the picture,
     * but not turn it by 90 degrees, so that picture_orient() does both. */
    image->req_orientation = image->orientation;
    int err = 0;
    if (!TIFFRGBAImageGet(image, raster, image->width, image->height) ||
        r->message[0])
        err = bad_pixels(r, why);
    else if (!(err = picture_alloc(out, (int)image->width, (int)image->height,
                                   why)))
        over_white(raster, p, out->rgb, pixels);
    free(raster);
    return err;
}

static int page_image(TIFF *tiff, const struct page *p, struct tiff_reader *r,
                      struct picture *out, int side, struct reason *why)
{
    TIFFRGBAImage image;
    char message[MESSAGE_BYTES] = "";
    int err = 0;
    if (p->photometric == PHOTOMETRIC_SEPARATED &&
        (p->bits != 8 || p->samples != 4))
        return refuse(why, EINVAL,
                      "is a TIFF of CMYK with %u samples of %u bits; 4 samples "
                      "of 8 bits are read",
                      p->samples, p->bits);
    if (!TIFFRGBAImageOK(tiff, message) ||
        !TIFFRGBAImageBegin(&image, tiff, 1, message))
        return refuse(why, EINVAL, "is a TIFF that is not read: %s", message);
    if (side != PICTURE_MEASURE)
        err = image_pixels(&image, p, r, out, why);
    TIFFRGBAImageEnd(&image);
    return err;
}

/* What libtiff has reported so far was of metadata, as it could open the page:
 * only what it reports while the pixels are read counts. */
static int tiff_page(TIFF *tiff, struct tiff_reader *r, struct picture *out,
                     int side, struct reason *why)
{
    struct page p;
    page_take(tiff, &p);
    r->message[0] = 0;
    bool lines = is_bilevel(&p) || is_grey_and_more(&p);
    int err = is_bilevel(&p)
                  ? picture_bound_bilevel(p.width, p.height, side, why)
                  : picture_bound(p.width, p.height, why);
    if (err)
        return err;
    picture_measured(out, p.width, p.height);
    if (!lines)
        err = page_image(tiff, &p, r, out, side, why);
    else if (side != PICTURE_MEASURE)
        err = page_lines(tiff, &p, r, out, side, why);
    return err ? err : picture_orient(out, p.orientation, why);
}

/* Smaller copies of a page, and masks, are none. */
static bool is_page(TIFF *tiff)
{
    uint32_t type = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &type);
    return !(type & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK));
}

/* Whether there is a further page. */
static bool has_more_pages(TIFF *tiff)
{
    for (int i = 0; i < PAGES_LOOKED_AT && TIFFReadDirectory(tiff); i++)
        if (is_page(tiff))
            return true;
    return false;
}

static int no_next(const struct tiff_reader *r, int number, struct reason *why)
{
    return refuse(why, EINVAL, "is not a good TIFF: page %d can't be found: %s",
                  number, r->message);
}

/* Goes to a page. The first one is a page whatever it says of itself. */
static int page_seek(TIFF *tiff, struct tiff_reader *r, int number,
                     struct reason *why)
{
    for (int n = 1; n < number; n += is_page(tiff)) {
        r->message[0] = 0;
        if (TIFFLastDirectory(tiff))
            return picture_no_page(number, n, why);
        if (!TIFFReadDirectory(tiff))
            return no_next(r, n + 1, why);
    }
    return 0;
}

static int tiff_decode_page(struct picture *out, const uint8_t *data,
                            size_t size, int number, int side,
                            struct reason *why)
{
    struct tiff_reader r = {.data = data, .size = size};
    TIFF *tiff = reader_open(&r);
    if (!tiff)
        return refuse(why, EINVAL, "is not a good TIFF: %s",
                      r.message[0] ? r.message : "it can't be opened");
    int err = page_seek(tiff, &r, number, why);
    if (err == 0)
        err = tiff_page(tiff, &r, out, side, why);
    if (err == 0)
        out->more_pages = number > 1 || has_more_pages(tiff);
    TIFFClose(tiff);
    return err;
}

static int tiff_decode(struct picture *out, const uint8_t *data, size_t size,
                       int side, struct reason *why)
{
    return tiff_decode_page(out, data, size, 1, side, why);
}

/* Pages */

/* What of a TIFF is read, and where one has got to. */
struct walk {
    TIFF *tiff;
    struct tiff_reader *reader;
    const struct pages_wanted *wanted;
    page_taker *take;
    void *context;
    int number; /* of pages so far */
};

static int page_give(struct walk *w, struct reason *why)
{
    struct picture page = PICTURE_INIT;
    int n = ++w->number - w->wanted->first;
    if (n < 0 || n >= w->wanted->count)
        return 0;
    int err = tiff_page(w->tiff, w->reader, &page, w->wanted->side, why);
    if (err && w->number > 1)
        reason_prefix(why, "page %d ", w->number);
    if (err == 0)
        err = w->take(w->context, &page, w->number, why);
    picture_release(&page);
    return err;
}

/* Past the pages that are wanted, the others are counted. The first one is a
 * page whatever it says of itself. */
static int pages_give(struct walk *w, struct reason *why)
{
    int err = page_give(w, why);
    while (err == 0 && !TIFFLastDirectory(w->tiff)) {
        w->reader->message[0] = 0;
        if (!TIFFReadDirectory(w->tiff))
            return no_next(w->reader, w->number + 1, why);
        if (is_page(w->tiff))
            err = page_give(w, why);
    }
    return err;
}

static int tiff_pages(const uint8_t *data, size_t size,
                      const struct pages_wanted *wanted, page_taker *take,
                      void *context, int *total, struct reason *why)
{
    struct tiff_reader r = {.data = data, .size = size};
    struct walk w = {reader_open(&r), &r, wanted, take, context, 0};
    if (!w.tiff)
        return refuse(why, EINVAL, "is not a good TIFF: %s",
                      r.message[0] ? r.message : "it can't be opened");
    int err = pages_give(&w, why);
    *total = w.number;
    TIFFClose(w.tiff);
    return err;
}

static bool tiff_matches(const uint8_t *data, size_t size)
{
    return size >= 4 &&
           (!memcmp(data, "II*\0", 4) || !memcmp(data, "MM\0*", 4) ||
            !memcmp(data, "II+\0", 4) || !memcmp(data, "MM\0+", 4));
}

const struct picture_format picture_tiff = {tiff_matches, tiff_decode,
                                            tiff_decode_page, tiff_pages};
