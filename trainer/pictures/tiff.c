#include "trainer/pictures/format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

enum { MESSAGE_BYTES = 1024 }; /* what TIFFRGBAImageOK() may write */

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

/* libtiff has already multiplied the colours by alpha. */
static void over_white(const uint32_t *raster, uint8_t *rgb, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++) {
        unsigned rest = 255 - TIFFGetA(raster[i]);
        unsigned colour[3] = {TIFFGetR(raster[i]), TIFFGetG(raster[i]),
                              TIFFGetB(raster[i])};
        for (int c = 0; c < 3; c++) {
            unsigned v = colour[c] + rest;
            *rgb++ = (uint8_t)(v < 255 ? v : 255);
        }
    }
}

static int image_pixels(TIFFRGBAImage *image, struct tiff_reader *r,
                        struct picture *out, struct reason *why)
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
        err = refuse(why, EINVAL, "is not a good TIFF: %s",
                     r->message[0] ? r->message : "its pixels can't be read");
    else if (!(err = picture_alloc(out, (int)image->width, (int)image->height,
                                   why)))
        over_white(raster, out->rgb, pixels);
    free(raster);
    return err;
}

static int tiff_page(TIFF *tiff, struct tiff_reader *r, struct picture *out,
                     int side, struct reason *why)
{
    uint32_t width = 0, height = 0;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    int err = picture_bound(width, height, why);
    if (err)
        return err;
    picture_measured(out, width, height);
    TIFFRGBAImage image;
    char message[MESSAGE_BYTES] = "";
    if (!TIFFRGBAImageOK(tiff, message) ||
        !TIFFRGBAImageBegin(&image, tiff, 1, message))
        return refuse(why, EINVAL, "is a TIFF that is not read: %s", message);
    int orientation = image.orientation;
    if (side != PICTURE_MEASURE)
        err = image_pixels(&image, r, out, why);
    TIFFRGBAImageEnd(&image);
    return err ? err : picture_orient(out, orientation, why);
}

static int tiff_decode(struct picture *out, const uint8_t *data, size_t size,
                       int side, struct reason *why)
{
    struct tiff_reader r = {.data = data, .size = size};
    TIFF *tiff = reader_open(&r);
    if (!tiff)
        return refuse(why, EINVAL, "is not a good TIFF: %s",
                      r.message[0] ? r.message : "it can't be opened");
    int err = tiff_page(tiff, &r, out, side, why);
    TIFFClose(tiff);
    return err;
}

static bool tiff_matches(const uint8_t *data, size_t size)
{
    return size >= 4 &&
           (!memcmp(data, "II*\0", 4) || !memcmp(data, "MM\0*", 4) ||
            !memcmp(data, "II+\0", 4) || !memcmp(data, "MM\0+", 4));
}

const struct picture_format picture_tiff = {tiff_matches, tiff_decode};
