#include "core/basic/language.h"
#include "trainer/pictures/format.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* A progressive picture has about ten scans. Each costs a pass over the whole
 * picture, while it takes only a few bytes in the file: a small file could
 * keep a thread busy for very long. */
enum { SCANS_MAX = 100, EXIF_HEADER_BYTES = 6, QUALITY = 80 };

struct jpeg_reader {
    struct jpeg_decompress_struct j; /* first, as callbacks are given this */
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    int channels; /* of one that is part of another file; 0 = it is a file */
    int code;     /* positive errno of a failure that *why describes */
    struct reason *why;
};

/* What is said in words of our own: libjpeg's are English. */
static bool is_cut(int code)
{
    return code == JWRN_JPEG_EOF || code == JERR_INPUT_EMPTY ||
           code == JERR_INPUT_EOF;
}

/* After these warnings, libjpeg would go on with grey pixels. */
static bool is_damage(int code)
{
    return code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER ||
           code == JWRN_HUFF_BAD_CODE || code == JWRN_ARITH_BAD_CODE ||
           code == JWRN_MUST_RESYNC || code == JWRN_BOGUS_PROGRESSION;
}

static void reader_fail(j_common_ptr j)
{
    struct jpeg_reader *r = (struct jpeg_reader *)j;
    char message[JMSG_LENGTH_MAX];
    j->err->format_message(j, message);
    r->code = EINVAL;
    if (is_cut(j->err->msg_code))
        refuse(r->why, EINVAL, "is cut short");
    else if (is_damage(j->err->msg_code))
        refuse(r->why, EINVAL, "is not a good JPEG: its pixels are damaged");
    else
        refuse(r->why, EINVAL, "is not a good JPEG: %s", message);
    longjmp(r->failed, 1);
}

static void reader_message(j_common_ptr j, int level)
{
    if (level < 0 && is_damage(j->err->msg_code))
        reader_fail(j);
}

static void reader_progress(j_common_ptr j)
{
    struct jpeg_reader *r = (struct jpeg_reader *)j;
    if (r->j.input_scan_number <= SCANS_MAX)
        return;
    r->code = EFBIG;
    refuse(r->why, EFBIG, "has more than %d scans", SCANS_MAX);
    longjmp(r->failed, 1);
}

static int reader_orientation(const struct jpeg_reader *r)
{
    for (jpeg_saved_marker_ptr m = r->j.marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > EXIF_HEADER_BYTES &&
            !memcmp(m->data, "Exif\0", EXIF_HEADER_BYTES))
            return exif_orientation(m->data + EXIF_HEADER_BYTES,
                                    m->data_length - EXIF_HEADER_BYTES);
    return 1;
}

/* Chooses the scale at which both sides are still at least `side`. Only 1/2,
 * 1/4 and 1/8 are considered: libjpeg-turbo has vector code for these, but not
 * for the scales in between. */
static unsigned scale_denominator(const struct jpeg_reader *r, int side)
{
    unsigned denominator = 8, n = (unsigned)side;
    if (side <= 0)
        return 1;
    while (denominator > 1 && (r->j.image_width < n * denominator ||
                               r->j.image_height < n * denominator))
        denominator /= 2;
    return denominator;
}

/* Converts one line of CMYK, which is stored inverted: so Adobe's programs do
 * it, and all others read it, whether a marker says that it is theirs or not.
 */
static void line_from_cmyk(const uint8_t *cmyk, uint8_t *rgb, int width)
{
    for (int x = 0; x < width; x++, cmyk += 4)
        for (int c = 0; c < 3; c++)
            *rgb++ = (uint8_t)((cmyk[c] * cmyk[3] + 127) / 255);
}

static void reader_lines(struct jpeg_reader *r, struct picture *out)
{
    struct jpeg_decompress_struct *j = &r->j;
    JSAMPARRAY line = NULL;
    bool cmyk = j->out_color_space == JCS_CMYK;
    if (cmyk)
        line = j->mem->alloc_sarray((j_common_ptr)j, JPOOL_IMAGE,
                                    j->output_width * 4, 1);
    while (j->output_scanline < j->output_height) {
        uint8_t *row =
            out->rgb + (size_t)j->output_scanline * j->output_width * 3;
        if (jpeg_read_scanlines(j, cmyk ? line : &row, 1) == 1 && cmyk)
            line_from_cmyk(line[0], row, out->width);
    }
    jpeg_finish_decompress(j);
}

/* All calls that may longjmp() are in here. Whatever must survive that is in *r
 * and *out. */
static int reader_run(struct jpeg_reader *r, struct picture *out,
                      const uint8_t *data, size_t size, int side)
{
    struct jpeg_decompress_struct *j = &r->j;
    jpeg_mem_src(j, data, size);
    jpeg_save_markers(j, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(j, TRUE);
    int err = picture_bound(j->image_width, j->image_height, r->why);
    if (err)
        return err;
    picture_measured(out, j->image_width, j->image_height);
    if (r->channels && j->num_components != r->channels)
        return refuse(r->why, EINVAL, "has %d channels", j->num_components);
    int orientation = r->channels ? 1 : reader_orientation(r);
    if (side != PICTURE_MEASURE) {
        bool cmyk =
            j->jpeg_color_space == JCS_CMYK || j->jpeg_color_space == JCS_YCCK;
        j->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
        j->scale_num = 1;
        j->scale_denom = scale_denominator(r, side);
        jpeg_calc_output_dimensions(j);
        picture_reserve(out, j->output_width, j->output_height);
        if (jpeg_has_multiple_scans(j)) /* then all coefficients are kept */
            picture_reserve(out, j->image_width, j->image_height);
        jpeg_start_decompress(j);
        err = picture_alloc(out, (int)j->output_width, (int)j->output_height,
                            r->why);
        if (err)
            return err;
        reader_lines(r, out);
    }
    return picture_orient(out, orientation, r->why);
}

/* The reader is a variable of the caller, because local variables of the
 * function that calls setjmp() are indeterminate after longjmp() if they have
 * been changed. */
static int reader_guard(struct jpeg_reader *r, struct picture *out,
                        const uint8_t *data, size_t size, int side)
{
    if (setjmp(r->failed))
        return -r->code;
    jpeg_create_decompress(&r->j);
    r->j.progress = &r->progress;
    return reader_run(r, out, data, size, side);
}

int jpeg_decode_stored(struct picture *out, const uint8_t *data, size_t size,
                       int channels, int side, struct reason *why)
{
    struct jpeg_reader r = {.channels = channels, .why = why};
    r.j.err = jpeg_std_error(&r.errors);
    r.errors.error_exit = reader_fail;
    r.errors.emit_message = reader_message;
    r.progress.progress_monitor = reader_progress;
    int err = reader_guard(&r, out, data, size, side);
    jpeg_destroy_decompress(&r.j);
    return err;
}

static int jpeg_decode(struct picture *out, const uint8_t *data, size_t size,
                       int side, struct reason *why)
{
    return jpeg_decode_stored(out, data, size, 0, side, why);
}

static bool jpeg_matches(const uint8_t *data, size_t size)
{
    return size >= 3 && !memcmp(data, "\xFF\xD8\xFF", 3);
}

const struct picture_format picture_jpeg = {.matches = jpeg_matches,
                                            .decode = jpeg_decode};

/* Encoding */

struct jpeg_maker {
    struct jpeg_compress_struct j; /* first, as callbacks are given this */
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    uint8_t *data; /* what jpeg_mem_dest() allocates */
    unsigned long size;
};

static void maker_fail(j_common_ptr j)
{
    longjmp(((struct jpeg_maker *)j)->failed, 1);
}

static bool maker_run(struct jpeg_maker *m, const uint8_t *rgb, int width,
                      int height)
{
    struct jpeg_compress_struct *j = &m->j;
    if (setjmp(m->failed))
        return false;
    jpeg_create_compress(j);
    jpeg_mem_dest(j, &m->data, &m->size);
    j->image_width = (JDIMENSION)width;
    j->image_height = (JDIMENSION)height;
    j->input_components = 3;
    j->in_color_space = JCS_RGB;
    jpeg_set_defaults(j);
    jpeg_set_quality(j, QUALITY, TRUE);
    jpeg_start_compress(j, TRUE);
    while (j->next_scanline < j->image_height) {
        JSAMPROW row =
            (JSAMPROW)rgb + (size_t)j->next_scanline * j->image_width * 3;
        jpeg_write_scanlines(j, &row, 1);
    }
    jpeg_finish_compress(j);
    return true;
}

int picture_to_jpeg(const uint8_t *rgb, int width, int height, uint8_t **jpeg,
                    size_t *size, struct reason *why)
{
    struct jpeg_maker m = {.data = NULL};
    m.j.err = jpeg_std_error(&m.errors);
    m.errors.error_exit = maker_fail;
    bool made = maker_run(&m, rgb, width, height);
    jpeg_destroy_compress(&m.j);
    *jpeg = m.data;
    *size = m.size;
    if (made)
        return 0;
    free(m.data);
    *jpeg = NULL;
    return refuse(why, ENOMEM, "no memory for a JPEG");
}
