/*
 * Pictures for tests, written with the libraries that read them elsewhere. A
 * drawing is a function of the place; DRAWN is one of four flat quarters.
 */
#ifndef PRIMO_TESTS_PICTURES_H
#define PRIMO_TESTS_PICTURES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#define HELPER __attribute__((unused)) static

struct bytes {
    uint8_t *data;
    unsigned long size;
};

HELPER const uint8_t quarter_colours[4][3] = {
    {250, 10, 10}, {10, 250, 10}, {10, 10, 250}, {240, 240, 10}};

/* The RGB of pixel (x, y) in a picture of four flat quarters. */
HELPER const uint8_t *quarter(int width, int height, int x, int y)
{
    return quarter_colours[(2 * x >= width) + 2 * (2 * y >= height)];
}

struct jpeg_style {
    /* the color space of the file; JCS_UNKNOWN = JCS_YCbCr */
    J_COLOR_SPACE space;
    bool no_adobe, progressive;
    const uint8_t *exif; /* begins with "Exif\0\0" */
    unsigned exif_size;
};

/* `pixels` [height, width, channels]: 1 for grey, 3 for RGB, 4 for CMYK. */
HELPER struct bytes make_jpeg(const uint8_t *pixels, int width, int height,
                              int channels, struct jpeg_style style)
{
    struct bytes out = {NULL, 0};
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr errors;
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_mem_dest(&j, &out.data, &out.size);
    j.image_width = (JDIMENSION)width;
    j.image_height = (JDIMENSION)height;
    j.input_components = channels;
    j.in_color_space = channels == 1   ? JCS_GRAYSCALE
                       : channels == 3 ? JCS_RGB
                                       : JCS_CMYK;
    jpeg_set_defaults(&j);
    if (style.space)
        jpeg_set_colorspace(&j, style.space);
    if (style.no_adobe)
        j.write_Adobe_marker = FALSE;
    if (style.progressive)
        jpeg_simple_progression(&j);
    jpeg_set_quality(&j, 95, TRUE);
    jpeg_start_compress(&j, TRUE);
    if (style.exif)
        jpeg_write_marker(&j, JPEG_APP0 + 1, style.exif, style.exif_size);
    for (int y = 0; y < height; y++) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)pixels + y * width * channels;
        jpeg_write_scanlines(&j, &row, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    return out;
}

/* Makes a JPEG of quarters. */
HELPER struct bytes make_quarters(int width, int height,
                                  struct jpeg_style style)
{
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3);
    for (int i = 0; i < width * height; i++)
        memcpy(rgb + i * 3, quarter(width, height, i % width, i / width), 3);
    struct bytes out = make_jpeg(rgb, width, height, 3, style);
    free(rgb);
    return out;
}

struct png_style {
    int type, bits; /* PNG_COLOR_TYPE_…; 16-bit samples big-endian */
    bool interlaced;
    const png_color *palette;
    int colours;
    const uint8_t *alphas; /* the alphas of the palette */
};

/* `lines` are PNG's own, `line` bytes each. */
HELPER void write_png(const char *path, const uint8_t *lines, int width,
                      int height, size_t line, struct png_style style)
{
    FILE *f = fopen(path, "wb");
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, f);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, style.bits,
                 style.type,
                 style.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (style.palette)
        png_set_PLTE(png, info, style.palette, style.colours);
    if (style.alphas)
        png_set_tRNS(png, info, style.alphas, style.colours, NULL);
    png_bytep *rows = malloc((size_t)height * sizeof *rows);
    for (int y = 0; y < height; y++)
        rows[y] = (png_bytep)(uintptr_t)lines + (size_t)y * line;
    png_set_rows(png, info, rows);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    free(rows);
    png_destroy_write_struct(&png, &info);
    fclose(f);
}

HELPER void write_bytes(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (size)
        fwrite(data, 1, size, f);
    fclose(f);
}

HELPER struct bytes read_bytes(const char *path)
{
    struct bytes b = {malloc(1 << 20), 0};
    FILE *f = fopen(path, "rb");
    b.size = fread(b.data, 1, 1 << 20, f);
    fclose(f);
    return b;
}

#endif
