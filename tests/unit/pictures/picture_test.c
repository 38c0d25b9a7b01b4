#include "tests/unit/pictures/pictures.h"
#include "trainer/pictures/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char place[64] = "/tmp/primo-picture-XXXXXX";

static int place_make(void **state)
{
    (void)state;
    return mkdtemp(place) && chdir(place) == 0 ? 0 : -1;
}

static int place_drop(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", place);
    return chdir("/") || system(command) ? -1 : 0;
}

static void assert_colour(const struct picture *p, int x, int y,
                          const uint8_t *rgb, int off)
{
    const uint8_t *got =
        p->rgb + ((size_t)y * (size_t)p->width + (size_t)x) * 3;
    for (int c = 0; c < 3; c++)
        if (abs(got[c] - rgb[c]) > off)
            fail_msg("(%d, %d) is %d %d %d, expected %d %d %d", x, y, got[0],
                     got[1], got[2], rgb[0], rgb[1], rgb[2]);
}

/* Checks the middle of each quarter. */
static void assert_quarters(const struct picture *p, int width, int height)
{
    assert_int_equal(p->width, width);
    assert_int_equal(p->height, height);
    for (int i = 0; i < 4; i++)
        assert_colour(p, width * (1 + 2 * (i % 2)) / 4,
                      height * (1 + 2 * (i / 2)) / 4, quarter_colours[i], 12);
}

static void decode(struct picture *p, const struct bytes *b, int side)
{
    struct reason why = REASON_INIT;
    if (picture_decode(p, b->data, b->size, side, &why))
        fail_msg("%s", why.sentence);
}

static void assert_refused(const struct bytes *b, int code, const char *part)
{
    struct picture p = PICTURE_INIT;
    struct reason why = REASON_INIT;
    assert_int_equal(picture_decode(&p, b->data, b->size, 0, &why), -code);
    assert_null(p.rgb);
    assert_int_equal(why.code, code);
    if (!strstr(why.sentence, part))
        fail_msg("'%s' has no '%s'", why.sentence, part);
}

static void read_file(struct picture *p, const char *path)
{
    struct reason why = REASON_INIT;
    if (picture_read(p, path, 0, &why))
        fail_msg("%s: %s", path, why.sentence);
}

static void file_refused(const char *path, int code, const char *part)
{
    struct picture p = PICTURE_INIT;
    struct reason why = REASON_INIT;
    assert_int_equal(picture_read(&p, path, 0, &why), -code);
    if (!strstr(why.sentence, part))
        fail_msg("'%s' has no '%s'", why.sentence, part);
}

/* JPEG */

static void jpeg_is_read(void **state)
{
    (void)state;
    struct picture p = PICTURE_INIT;
    for (int progressive = 0; progressive < 2; progressive++) {
        struct bytes b = make_quarters(
            48, 32, (struct jpeg_style){.progressive = progressive});
        decode(&p, &b, 0);
        assert_quarters(&p, 48, 32);
        decode(&p, &b, PICTURE_MEASURE);
        assert_int_equal(p.width, 48);
        assert_int_equal(p.height, 32);
        assert_null(p.rgb);
        free(b.data);
    }
    picture_release(&p);
}

static void jpeg_is_scaled_down(void **state)
{
    (void)state;
    struct bytes b = make_quarters(800, 600, (struct jpeg_style){0});
    struct picture p = PICTURE_INIT;
    static const int sides[][3] = {
        {32, 100, 75},   {75, 100, 75},   {76, 200, 150}, {150, 200, 150},
        {151, 400, 300}, {301, 800, 600}, {900, 800, 600}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        decode(&p, &b, sides[i][0]);
        assert_quarters(&p, sides[i][1], sides[i][2]);
        assert_int_equal(p.full_width, 800);
        assert_int_equal(p.full_height, 600);
    }
    picture_release(&p);
    free(b.data);
}

/* Where a stored pixel (column, row) belongs in the upright picture, as EXIF
 * defines. */
static void upright(int orientation, int column, int row, int width, int height,
                    int *x, int *y)
{
    const int right = width - 1, bottom = height - 1;
    const int places[9][2] = {[1] = {column, row},
                              [2] = {right - column, row},
                              [3] = {right - column, bottom - row},
                              [4] = {column, bottom - row},
                              [5] = {row, column},
                              [6] = {right - row, column},
                              [7] = {right - row, bottom - column},
                              [8] = {row, bottom - column}};
    *x = places[orientation][0];
    *y = places[orientation][1];
}

/* The quarters of an upright picture as a camera held otherwise stores them. */
static void draw_stored(uint8_t *rgb, int orientation, int width, int height)
{
    int columns = orientation > 4 ? height : width;
    int rows = orientation > 4 ? width : height;
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++) {
            int x, y;
            upright(orientation, column, row, width, height, &x, &y);
            memcpy(rgb + (row * columns + column) * 3,
                   quarter(width, height, x, y), 3);
        }
}

static void put_le(uint8_t *p, uint32_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* An EXIF block with one IFD, which has a filler and the orientation. Type 3 is
 * SHORT. */
static unsigned make_exif(uint8_t *exif, bool big, int orientation, int type,
                          int count)
{
    uint8_t entries[2][12] = {{0x00, 0x0F, 1, 2, 3, 1, 0, 1, 1, 2, 3, 4},
                              {0x12, 0x01, (uint8_t)type, 0, (uint8_t)count, 0,
                               0, 0, (uint8_t)orientation, 0, 0, 0}};
    static const uint8_t head_little[] = "Exif\0\0II*\0\x08\0\0\0\x02\0";
    static const uint8_t head_big[] = "Exif\0\0MM\0*\0\0\0\x08\0\x02";
    if (big) {
        uint8_t e[12] = {0x01, 0x12,           0, (uint8_t)type,        0, 0,
                         0,    (uint8_t)count, 0, (uint8_t)orientation, 0, 0};
        memcpy(entries[1], e, sizeof e);
    }
    memcpy(exif, big ? head_big : head_little, 16);
    memcpy(exif + 16, entries, sizeof entries);
    return 16 + sizeof entries;
}

static void jpeg_is_turned_upright(void **state)
{
    (void)state;
    enum { WIDTH = 64, HEIGHT = 48 };
    uint8_t rgb[WIDTH * HEIGHT * 3], exif[64];
    struct picture p = PICTURE_INIT;
    for (int i = 2; i < 18; i++) {
        int o = i / 2;
        unsigned size = make_exif(exif, i % 2, o, 3, 1);
        draw_stored(rgb, o, WIDTH, HEIGHT);
        struct bytes b =
            make_jpeg(rgb, o > 4 ? HEIGHT : WIDTH, o > 4 ? WIDTH : HEIGHT, 3,
                      (struct jpeg_style){.exif = exif, .exif_size = size});
        decode(&p, &b, 0);
        assert_quarters(&p, WIDTH, HEIGHT);
        decode(&p, &b, 20);
        assert_quarters(&p, WIDTH / 2, HEIGHT / 2);
        assert_int_equal(p.full_width, WIDTH);
        decode(&p, &b, PICTURE_MEASURE);
        assert_int_equal(p.width, WIDTH);
        assert_int_equal(p.height, HEIGHT);
        free(b.data);
    }
    picture_release(&p);
}

/* As cameras and mail gateways write it, and other programs read it. */
static void odd_exif_turns_upright(void **state)
{
    (void)state;
    uint8_t rgb[48 * 32 * 3], exif[64];
    struct picture p = PICTURE_INIT;
    draw_stored(rgb, 6, 48, 32);
    for (int i = 0; i < 4; i++) {
        unsigned size = make_exif(exif, false, 6,
                                  i == 0   ? 4
                                  : i == 1 ? 1
                                           : 3,
                                  i == 2 ? 2 : 1);
        if (i == 3)
            exif[14] = 200; /* it claims more entries than there are */
        struct bytes b =
            make_jpeg(rgb, 32, 48, 3,
                      (struct jpeg_style){.exif = exif, .exif_size = size});
        decode(&p, &b, 0);
        assert_quarters(&p, 48, 32);
        free(b.data);
    }
    picture_release(&p);
}

static void bad_exif_is_no_orientation(void **state)
{
    (void)state;
    uint8_t exif[64];
    struct picture p = PICTURE_INIT;
    unsigned size = make_exif(exif, false, 6, 3, 1);
    for (int i = 0; i < 6; i++) {
        make_exif(exif, false,
                  i == 0   ? 9
                  : i == 1 ? 0
                           : 6,
                  i == 2 ? 2 : 3, i == 3 ? 0 : 1); /* text; no value */
        if (i == 4)
            exif[10] = 200; /* the directory is outside */
        if (i == 5) {       /* the values are */
            put_le(exif + 32, 3, 4);
            put_le(exif + 36, 0xFFFFFFFF, 4);
        }
        struct bytes b = make_quarters(
            48, 32, (struct jpeg_style){.exif = exif, .exif_size = size});
        decode(&p, &b, 0);
        assert_quarters(&p, 48, 32);
        free(b.data);
    }
    make_exif(exif, false, 6, 3, 1);
    /* cut off anywhere, it must not be read */
    for (unsigned n = 0; n < size; n++) {
        struct bytes b = make_quarters(
            48, 32, (struct jpeg_style){.exif = exif, .exif_size = n});
        decode(&p, &b, 0);
        free(b.data);
    }
    picture_release(&p);
}

static void grey_and_cmyk_become_rgb(void **state)
{
    (void)state;
    enum { SIDE = 16, PIXELS = SIDE * SIDE };
    /* inverted, as Adobe stores it */
    static const uint8_t ink[4] = {200, 100, 0, 50};
    uint8_t grey[PIXELS], cmyk[PIXELS * 4];
    struct picture p = PICTURE_INIT;
    memset(grey, 77, sizeof grey);
    for (int i = 0; i < PIXELS; i++)
        memcpy(cmyk + i * 4, ink, 4);

    struct bytes b = make_jpeg(grey, SIDE, SIDE, 1, (struct jpeg_style){0});
    decode(&p, &b, 0);
    assert_colour(&p, 3, 3, (const uint8_t[]){77, 77, 77}, 1);
    free(b.data);

    static const struct {
        struct jpeg_style style;
        uint8_t rgb[3];
    } rows[] = {
        {{.space = JCS_CMYK}, {39, 20, 0}},
        {{.space = JCS_YCCK}, {39, 20, 0}},
        {{.space = JCS_CMYK, .no_adobe = true}, {39, 20, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        b = make_jpeg(cmyk, SIDE, SIDE, 4, rows[i].style);
        decode(&p, &b, 0);
        assert_colour(&p, 3, 3, rows[i].rgb, 2);
        free(b.data);
    }
    picture_release(&p);
}

/* Every truncation of the file is refused. It is in memory of just its size, so
 * that a sanitizer sees what reads past it. */
static void assert_no_beginning_is_read(const struct bytes *b, size_t step)
{
    for (size_t n = 0; n < b->size; n += step) {
        struct bytes cut = {malloc(n ? n : 1), n};
        memcpy(cut.data, b->data, n);
        assert_refused(&cut, EINVAL, "");
        free(cut.data);
    }
}

static void cut_jpeg_is_refused(void **state)
{
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        struct bytes b = make_quarters(
            40, 40, (struct jpeg_style){.progressive = progressive});
        assert_no_beginning_is_read(&b, 1);
        b.size = b.size / 2 + 100;
        assert_refused(&b, EINVAL, "cut short");
        free(b.data);
    }
}

/* Any answer is right, as long as there is one and the sanitizers find
 * nothing. */
static void damage_is_survived(const struct bytes *b, unsigned rounds)
{
    struct bytes bad = {malloc(b->size), b->size};
    uint32_t r = 1;
    for (unsigned i = 0; i < rounds; i++) {
        memcpy(bad.data, b->data, b->size);
        for (int k = 0; k < 1 + (int)(i % 4); k++) {
            r = r * 1664525 + 1013904223;
            bad.data[r % b->size] = (uint8_t)(r >> 24);
        }
        struct picture p = PICTURE_INIT;
        struct reason why = REASON_INIT;
        int err = picture_decode(&p, bad.data, bad.size, 8, &why);
        assert_int_equal(err, -why.code);
        assert_true((err == 0) == (p.rgb != NULL));
        picture_release(&p);
    }
    free(bad.data);
}

static void damaged_jpeg_is_survived(void **state)
{
    (void)state;
    uint8_t exif[64];
    unsigned size = make_exif(exif, false, 6, 3, 1);
    for (int progressive = 0; progressive < 2; progressive++) {
        struct bytes b = make_quarters(
            40, 40,
            (struct jpeg_style){
                .progressive = progressive, .exif = exif, .exif_size = size});
        damage_is_survived(&b, 1500);
        free(b.data);
    }
}

static void huge_jpeg_is_refused_by_its_header(void **state)
{
    (void)state;
    struct bytes b = make_quarters(40, 40, (struct jpeg_style){0});
    uint8_t *frame = memmem(b.data, b.size, "\xFF\xC0", 2);
    assert_non_null(frame);
    memcpy(frame + 5, "\xEA\x60\xEA\x60", 4); /* 60000 x 60000 */
    assert_refused(&b, EFBIG, "60000 x 60000");
    free(b.data);
}

/* PNG */

static void png_types_are_read(void **state)
{
    (void)state;
    static const uint8_t rgba[] = {255, 0, 0, 255, 0,   0,   0,  0,
                                   0,   0, 0, 128, 100, 200, 50, 51};
    static const uint8_t over_white[4][3] = {
        {255, 0, 0}, {255, 255, 255}, {127, 127, 127}, {224, 244, 214}};
    static const uint8_t wide[] = {0x12, 0x34, 0xFF, 0xFF, 0x80, 0x7F};
    static const uint8_t grey_alpha[] = {40, 255, 40, 0};
    static const uint8_t bits[] = {0xA0};
    static const png_color palette[] = {{1, 2, 3}, {200, 100, 50}};
    static const uint8_t alphas[] = {255, 0};
    struct picture p = PICTURE_INIT;

    write_png("rgba.png", rgba, 4, 1, 16,
              (struct png_style){.type = PNG_COLOR_TYPE_RGB_ALPHA, .bits = 8});
    read_file(&p, "rgba.png");
    for (int x = 0; x < 4; x++)
        assert_colour(&p, x, 0, over_white[x], 0);

    write_png("wide.png", wide, 1, 1, 6,
              (struct png_style){.type = PNG_COLOR_TYPE_RGB, .bits = 16});
    read_file(&p, "wide.png");
    assert_colour(&p, 0, 0, (const uint8_t[]){0x12, 255, 0x80}, 0);

    write_png("grey.png", grey_alpha, 2, 1, 4,
              (struct png_style){.type = PNG_COLOR_TYPE_GRAY_ALPHA, .bits = 8});
    read_file(&p, "grey.png");
    assert_colour(&p, 0, 0, (const uint8_t[]){40, 40, 40}, 0);
    assert_colour(&p, 1, 0, (const uint8_t[]){255, 255, 255}, 0);

    write_png("bits.png", bits, 3, 1, 1,
              (struct png_style){.type = PNG_COLOR_TYPE_GRAY, .bits = 1});
    read_file(&p, "bits.png");
    for (int x = 0; x < 3; x++)
        assert_colour(&p, x, 0,
                      x % 2 ? (const uint8_t[]){0, 0, 0}
                            : (const uint8_t[]){255, 255, 255},
                      0);

    write_png("palette.png", bits, 3, 1, 1,
              (struct png_style){PNG_COLOR_TYPE_PALETTE, 1, false, palette, 2,
                                 alphas});
    read_file(&p, "palette.png");
    assert_colour(&p, 0, 0, (const uint8_t[]){255, 255, 255}, 0);
    assert_colour(&p, 1, 0, (const uint8_t[]){1, 2, 3}, 0);
    picture_release(&p);
}

static void draw_noise(uint8_t *rgb, size_t n)
{
    uint32_t r = 7;
    for (size_t i = 0; i < n; i++) {
        r = r * 1664525 + 1013904223;
        rgb[i] = (uint8_t)(r >> 24);
    }
}

static void png_is_exact_interlaced_and_renamed(void **state)
{
    (void)state;
    enum { WIDTH = 13, HEIGHT = 11 };
    uint8_t rgb[WIDTH * HEIGHT * 3];
    struct picture p = PICTURE_INIT;
    draw_noise(rgb, sizeof rgb);
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        write_png("picture.jpg", rgb, WIDTH, HEIGHT, WIDTH * 3,
                  (struct png_style){.type = PNG_COLOR_TYPE_RGB,
                                     .bits = 8,
                                     .interlaced = interlaced});
        read_file(&p, "picture.jpg");
        assert_int_equal(p.width, WIDTH);
        assert_int_equal(p.height, HEIGHT);
        assert_memory_equal(p.rgb, rgb, sizeof rgb);
    }
    picture_release(&p);
}

static void bad_png_is_refused(void **state)
{
    (void)state;
    uint8_t rgb[12 * 12 * 3];
    draw_noise(rgb, sizeof rgb);
    write_png("good.png", rgb, 12, 12, 36,
              (struct png_style){
                  .type = PNG_COLOR_TYPE_RGB, .bits = 8, .interlaced = true});
    struct bytes b = read_bytes("good.png");
    assert_no_beginning_is_read(&b, 1);
    damage_is_survived(&b, 3000);
    b.data[4] = '\n'; /* line ends changed */
    assert_refused(&b, EINVAL, "damaged by a text-mode transfer");
    b.data[4] = '\r';
    b.data[60] ^= 1;
    assert_refused(&b, EINVAL, "not a good PNG");
    memcpy(b.data + 16, "\0\0\xEA\x60\0\0\xEA\x60", 8);
    assert_refused(&b, EFBIG, "60000 x 60000");
    memcpy(b.data + 16, "\0\0\0\0", 4);
    assert_refused(&b, EINVAL, "no pixels");
    free(b.data);
}

/* BMP */

/* Makes a BMP: a header of 14 + 40 bytes, `extra` (a palette or masks),
 * pixels. */
static struct bytes make_bmp(int width, int height, int bits, int compression,
                             const void *extra, size_t extra_size,
                             const void *pixels, size_t size)
{
    struct bytes b = {calloc(1, 54 + extra_size + size),
                      54 + extra_size + size};
    memcpy(b.data, "BM", 2);
    put_le(b.data + 2, (uint32_t)b.size, 4);
    put_le(b.data + 10, 54 + (uint32_t)extra_size, 4);
    put_le(b.data + 14, 40, 4);
    put_le(b.data + 18, (uint32_t)width, 4);
    put_le(b.data + 22, (uint32_t)height, 4);
    put_le(b.data + 26, 1, 2);
    put_le(b.data + 28, (uint32_t)bits, 2);
    put_le(b.data + 30, (uint32_t)compression, 4);
    if (extra_size)
        memcpy(b.data + 54, extra, extra_size);
    memcpy(b.data + 54 + extra_size, pixels, size);
    if (bits <= 8)
        put_le(b.data + 46, (uint32_t)extra_size / 4, 4);
    return b;
}

/* Takes over the bytes. */
static void assert_pixels(struct bytes b, const uint8_t (*rgb)[3], int n)
{
    struct picture p = PICTURE_INIT;
    decode(&p, &b, 0);
    assert_int_equal(p.width * p.height, n);
    assert_memory_equal(p.rgb, rgb, (size_t)n * 3);
    /* A DIB is the same without the header of the file. */
    decode(&p, &(struct bytes){b.data + 14, b.size - 14}, 0);
    assert_memory_equal(p.rgb, rgb, (size_t)n * 3);
    picture_release(&p);
    struct bytes whole = b;
    if (b.data[30] == 1 || b.data[30] == 2) /* the mark of the end may lack */
        whole.size -= 2;
    assert_no_beginning_is_read(&whole, 1);
    damage_is_survived(&b, 2000);
    free(b.data);
}

static void bmp_is_read(void **state)
{
    (void)state;
    static const uint8_t rgb[][3] = {
        {1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}};
    static const uint8_t up[] = {9, 8, 7, 12, 11, 10, 0, 0, 3, 2, 1, 6, 5, 4};
    static const uint8_t down[] = {3, 2, 1, 6, 5, 4, 0, 0, 9, 8, 7, 12, 11, 10};
    assert_pixels(make_bmp(2, 2, 24, 0, NULL, 0, up, sizeof up), rgb, 4);
    assert_pixels(make_bmp(2, -2, 24, 0, NULL, 0, down, sizeof down), rgb, 4);

    static const uint8_t wide[] = {3, 2, 1, 0, 6, 5, 4, 99};
    assert_pixels(make_bmp(2, 1, 32, 0, NULL, 0, wide, sizeof wide), rgb, 2);

    static const uint8_t masks[] = {0, 0xF8, 0,    0, 0xE0, 7,
                                    0, 0,    0x1F, 0, 0,    0};
    static const uint8_t narrow[] = {0x1F, 0, 0xE0, 7};
    static const uint8_t pure[][3] = {{0, 0, 255}, {0, 255, 0}};
    assert_pixels(make_bmp(2, 1, 16, 3, masks, sizeof masks, narrow, 4), pure,
                  2);

    static const uint8_t palette[] = {255, 0, 0, 0, 0, 255, 0, 0};
    static const uint8_t bits[] = {0x40};
    assert_pixels(make_bmp(2, 1, 1, 0, palette, 8, bits, 1), pure, 2);
    static const uint8_t nibbles[] = {0x01};
    assert_pixels(make_bmp(2, 1, 4, 0, palette, 8, nibbles, 1), pure, 2);
    static const uint8_t bytes[] = {0, 1};
    assert_pixels(make_bmp(2, 1, 8, 0, palette, 8, bytes, 2), pure, 2);
}

static void run_length_bmp_is_read(void **state)
{
    (void)state;
    static const uint8_t palette[] = {255, 0, 0, 0, 0, 255, 0, 0};
    static const uint8_t rgb[][3] = {
        {0, 255, 0}, {0, 255, 0}, {0, 0, 255}, {0, 255, 0}, /* the top */
        {0, 0, 255}, {0, 0, 255}, {0, 255, 0}, {0, 0, 255}};
    /* a step over the first two, then the end of the line and single ones */
    static const uint8_t bytes[] = {0, 2, 2, 0, 1, 1, 0, 0, 2, 1,
                                    0, 2, 0, 0, 1, 0, 1, 1, 0, 1};
    static const uint8_t single[] = {0, 4, 0, 0, 1, 0, 0, 0,
                                     0, 4, 1, 1, 0, 1, 0, 1};
    static const uint8_t nibbles[] = {2, 0x00, 2,    0x10, 0, 0,
                                      0, 4,    0x11, 0x01, 0, 1};
    assert_pixels(make_bmp(4, 2, 8, 1, palette, 8, bytes, sizeof bytes), rgb,
                  8);
    assert_pixels(make_bmp(4, 2, 8, 1, palette, 8, single, sizeof single), rgb,
                  8);
    assert_pixels(make_bmp(4, 2, 4, 2, palette, 8, nibbles, sizeof nibbles),
                  rgb, 8);
}

static void bmp_is_laid_over_white(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0,   0, 255, 0, 0, 255, 0, 0,
                                    255, 0, 0,   0, 0, 0,   0, 255};
    static const uint8_t shown[] = {3, 2, 1, 255, 3, 2, 1, 0};
    static const uint8_t unused[] = {3, 2, 1, 0, 6, 5, 4, 0};
    static const uint8_t white[][3] = {{1, 2, 3}, {255, 255, 255}};
    static const uint8_t plain[][3] = {{1, 2, 3}, {4, 5, 6}};
    assert_pixels(make_bmp(2, 1, 32, 6, masks, sizeof masks, shown, 8), white,
                  2);
    assert_pixels(make_bmp(2, 1, 32, 6, masks, sizeof masks, unused, 8), plain,
                  2);
}

static void bad_bmp_is_refused(void **state)
{
    (void)state;
    static const uint8_t palette[] = {255, 0, 0, 0, 0, 255, 0, 0};
    static const uint8_t outside[] = {0, 2};
    struct bytes b = make_bmp(2, 1, 8, 0, palette, 8, outside, 2);
    assert_refused(&b, EINVAL, "palette");
    free(b.data);
    b = make_bmp(2, 1, 24, 1, NULL, 0, outside, 2);
    assert_refused(&b, EINVAL, "compressed");
    free(b.data);
    static const uint8_t far[] = {2, 2, 0, 1};
    b = make_bmp(2, 1, 8, 1, palette, 8, far, sizeof far);
    assert_refused(&b, EINVAL, "palette");
    free(b.data);
    b = make_bmp(60000, -60000, 24, 0, NULL, 0, palette, 8);
    assert_refused(&b, EFBIG, "60000 x 60000");
    free(b.data);
    b = make_bmp(INT32_MIN, INT32_MIN, 24, 0, NULL, 0, palette, 8);
    assert_refused(&b, EINVAL, "no pixels");
    free(b.data);
}

/* TIFF */

enum { TIFF_HEAD = 8, TIFF_ENTRIES = 11 };

/* Makes an uncompressed, little-endian TIFF with one strip. */
static struct bytes make_tiff(const uint8_t *pixels, int width, int height,
                              int channels, int orientation, int extra)
{
    size_t size = (size_t)width * (size_t)height * (size_t)channels;
    size_t table = TIFF_HEAD + 2 + TIFF_ENTRIES * 12 + 4, bits = table;
    size_t at = bits + 8;
    const uint32_t entries[TIFF_ENTRIES][4] = {
        {256, 4, 1, (uint32_t)width},
        {257, 4, 1, (uint32_t)height},
        {258, 3, (uint32_t)channels, channels == 1 ? 8 : (uint32_t)bits},
        {259, 3, 1, 1},
        {262, 3, 1, channels == 1 ? 1 : 2},
        {273, 4, 1, (uint32_t)at},
        {274, 3, 1, (uint32_t)orientation},
        {277, 3, 1, (uint32_t)channels},
        {278, 4, 1, (uint32_t)height},
        {279, 4, 1, (uint32_t)size},
        {338, 3, extra ? 1 : 0, (uint32_t)extra},
    };
    struct bytes b = {calloc(1, at + size), at + size};
    memcpy(b.data, "II*\0\x08\0\0\0", TIFF_HEAD);
    put_le(b.data + TIFF_HEAD, extra ? TIFF_ENTRIES : TIFF_ENTRIES - 1, 2);
    for (int i = 0; i < TIFF_ENTRIES; i++) {
        uint8_t *e = b.data + TIFF_HEAD + 2 + i * 12;
        put_le(e, entries[i][0], 2);
        put_le(e + 2, entries[i][1], 2);
        put_le(e + 4, entries[i][2], 4);
        put_le(e + 8, entries[i][3], 4);
    }
    if (!extra)
        memset(b.data + TIFF_HEAD + 2 + (TIFF_ENTRIES - 1) * 12, 0, 16);
    for (int i = 0; i < 4; i++)
        put_le(b.data + bits + 2 * i, 8, 2);
    memcpy(b.data + at, pixels, size);
    return b;
}

static void tiff_is_read_upright(void **state)
{
    (void)state;
    enum { WIDTH = 12, HEIGHT = 8 };
    uint8_t rgb[WIDTH * HEIGHT * 3];
    struct picture p = PICTURE_INIT;
    for (int o = 1; o <= 8; o++) {
        draw_stored(rgb, o, WIDTH, HEIGHT);
        struct bytes b = make_tiff(rgb, o > 4 ? HEIGHT : WIDTH,
                                   o > 4 ? WIDTH : HEIGHT, 3, o, 0);
        decode(&p, &b, 0);
        assert_quarters(&p, WIDTH, HEIGHT);
        decode(&p, &b, PICTURE_MEASURE);
        assert_int_equal(p.width, WIDTH);
        free(b.data);
    }
    static const uint8_t rgba[] = {200, 100, 0, 255, 200, 100, 0, 0};
    struct bytes b = make_tiff(rgba, 2, 1, 4, 1, 2);
    decode(&p, &b, 0);
    assert_colour(&p, 0, 0, (const uint8_t[]){200, 100, 0}, 0);
    assert_colour(&p, 1, 0, (const uint8_t[]){255, 255, 255}, 0);
    free(b.data);
    b = make_tiff(rgba, 2, 2, 1, 1, 0);
    decode(&p, &b, 0);
    assert_colour(&p, 1, 1, (const uint8_t[]){255, 255, 255}, 0);
    assert_colour(&p, 1, 0, (const uint8_t[]){100, 100, 100}, 0);
    free(b.data);
    picture_release(&p);
}

static void bad_tiff_is_refused(void **state)
{
    (void)state;
    uint8_t rgb[12 * 8 * 3];
    draw_stored(rgb, 1, 12, 8);
    struct bytes b = make_tiff(rgb, 12, 8, 3, 1, 0);
    assert_no_beginning_is_read(&b, 1);
    damage_is_survived(&b, 3000);
    put_le(b.data + TIFF_HEAD + 2 + 8, 60000, 4);
    put_le(b.data + TIFF_HEAD + 2 + 12 + 8, 60000, 4);
    assert_refused(&b, EFBIG, "60000 x 60000");
    free(b.data);
}

/* Files */

static void what_is_no_picture_is_refused(void **state)
{
    (void)state;
    write_bytes("empty.jpg", "", 0);
    write_bytes("text.jpg", "hello, world", 12);
    write_bytes("picture.gif", "GIF89a\1\0\1\0", 10);
    mkdir("folder.jpg", 0777);
    mkfifo("pipe.jpg", 0666);
    if (symlink("nowhere", "dangling.jpg") || symlink("/dev/zero", "zero.jpg"))
        fail();
    file_refused("missing.jpg", ENOENT, "No such file");
    file_refused("dangling.jpg", ENOENT, "No such file");
    file_refused("empty.jpg", EINVAL, "is empty");
    file_refused("text.jpg", EINVAL, "is not a JPEG, PNG, BMP, TIFF or PDF");
    file_refused("picture.gif", EINVAL, "is a GIF");
    file_refused("folder.jpg", EINVAL, "not a regular file");
    file_refused("pipe.jpg", EINVAL, "not a regular file");
    file_refused("zero.jpg", EINVAL, "not a regular file");
    int fd = open("huge.jpg", O_WRONLY | O_CREAT, 0666);
    if (ftruncate(fd, (off_t)PICTURE_BYTES_MAX + 1))
        fail();
    close(fd);
    file_refused("huge.jpg", EFBIG, "too many bytes");
}

static void hash_tells_pixels_and_shape(void **state)
{
    (void)state;
    uint8_t rgb[12] = {1, 2, 3, 4}, other[12] = {1, 2, 3, 5};
    uint64_t h[4][2];
    picture_hash(&(struct picture){.width = 2, .height = 2, .rgb = rgb}, h[0]);
    picture_hash(&(struct picture){.width = 2, .height = 2, .rgb = rgb}, h[1]);
    picture_hash(&(struct picture){.width = 4, .height = 1, .rgb = rgb}, h[2]);
    picture_hash(&(struct picture){.width = 2, .height = 2, .rgb = other},
                 h[3]);
    assert_memory_equal(h[0], h[1], sizeof h[0]);
    assert_memory_not_equal(h[0], h[2], sizeof h[0]);
    assert_memory_not_equal(h[0], h[3], sizeof h[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jpeg_is_read),
        cmocka_unit_test(jpeg_is_scaled_down),
        cmocka_unit_test(jpeg_is_turned_upright),
        cmocka_unit_test(odd_exif_turns_upright),
        cmocka_unit_test(bad_exif_is_no_orientation),
        cmocka_unit_test(grey_and_cmyk_become_rgb),
        cmocka_unit_test(cut_jpeg_is_refused),
        cmocka_unit_test(damaged_jpeg_is_survived),
        cmocka_unit_test(huge_jpeg_is_refused_by_its_header),
        cmocka_unit_test(png_types_are_read),
        cmocka_unit_test(png_is_exact_interlaced_and_renamed),
        cmocka_unit_test(bad_png_is_refused),
        cmocka_unit_test(bmp_is_read),
        cmocka_unit_test(run_length_bmp_is_read),
        cmocka_unit_test(bmp_is_laid_over_white),
        cmocka_unit_test(bad_bmp_is_refused),
        cmocka_unit_test(tiff_is_read_upright),
        cmocka_unit_test(bad_tiff_is_refused),
        cmocka_unit_test(what_is_no_picture_is_refused),
        cmocka_unit_test(hash_tells_pixels_and_shape),
    };
    return cmocka_run_group_tests(tests, place_make, place_drop);
}
