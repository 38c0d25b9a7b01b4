/* What scanners, fax gateways and office programs write: TIFFs of many kinds of
 * samples, with odd metadata and several pages, and drawings of two colours
 * that are too large to be there at once. */
#include "tests/unit/pictures/pictures.h"
#include "trainer/pictures/picture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { HEAD = 8, ENTRY = 12, ENTRIES_MOST = 12, SHORT = 3, LONG = 4 };

struct kind {
    unsigned bits, samples, photometric, planar;
    int extra;           /* meaning of one extra sample, -1 = none */
    unsigned odd;        /* a tag that is there without a value, 0 = none */
    unsigned type, next; /* SubfileType; where the next page is, 0 = nowhere */
};

struct entry {
    unsigned tag, type, count;
    uint32_t value;
};

static void put_le(uint8_t *p, uint32_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* Writes the entries in the order of their tags. */
static void put_entries(uint8_t *to, struct entry *e, int n, unsigned next)
{
    put_le(to, (uint32_t)n, 2);
    for (int i = 0; i < n; i++) {
        for (int k = i + 1; k < n; k++)
            if (e[k].tag < e[i].tag) {
                struct entry swapped = e[i];
                e[i] = e[k];
                e[k] = swapped;
            }
        uint8_t *at = to + 2 + i * ENTRY;
        put_le(at, e[i].tag, 2);
        put_le(at + 2, e[i].type, 2);
        put_le(at + 4, e[i].count, 4);
        put_le(at + 8, e[i].value, 4);
    }
    put_le(to + 2 + n * ENTRY, next, 4);
}

/* Appends a page whose directory begins at the end of what is there: an
 * uncompressed one, of one strip a plane. Returns where it begins. */
static unsigned add_page(struct bytes *b, unsigned width, unsigned height,
                         struct kind k, const void *pixels)
{
    size_t plane = (width * k.bits + 7) / 8 * (size_t)height;
    bool apart = k.planar == 2;
    size_t size = apart ? plane * k.samples
                        : (width * k.bits * k.samples + 7) / 8 * (size_t)height;
    unsigned at = (unsigned)b->size, parts = apart ? k.samples : 1;
    unsigned more = at + 2 + ENTRIES_MOST * ENTRY + 4, data = more + 64;
    struct entry e[ENTRIES_MOST] = {
        {256, LONG, 1, width},
        {257, LONG, 1, height},
        {258, SHORT, k.samples, k.samples > 2 ? more : k.bits * 0x10001},
        {259, SHORT, 1, 1},
        {262, SHORT, 1, k.photometric},
        {273, LONG, parts, apart ? more + 16 : data},
        {277, SHORT, 1, k.samples},
        {279, LONG, parts, apart ? more + 32 : (uint32_t)size},
        {284, SHORT, 1, apart ? 2 : 1},
        {254, LONG, 1, k.type},
    };
    int n = 10;
    if (k.extra >= 0)
        e[n++] = (struct entry){338, SHORT, 1, (uint32_t)k.extra};
    if (k.odd)
        e[n++] = (struct entry){k.odd, 7, 0, 0};
    b->data = realloc(b->data, data + size);
    memset(b->data + at, 0, data - at);
    put_entries(b->data + at, e, n, k.next);
    for (unsigned i = 0; i < k.samples; i++) {
        put_le(b->data + more + 2 * i, k.bits, 2);
        put_le(b->data + more + 16 + 4 * i, data + (uint32_t)(i * plane), 4);
        put_le(b->data + more + 32 + 4 * i, (uint32_t)plane, 4);
    }
    memcpy(b->data + data, pixels, size);
    b->size = data + size;
    return at;
}

static struct bytes make_tiff(unsigned width, unsigned height, struct kind k,
                              const void *pixels)
{
    struct bytes b = {malloc(HEAD), HEAD};
    memcpy(b.data, "II*\0\x08\0\0\0", HEAD);
    add_page(&b, width, height, k, pixels);
    return b;
}

static void decode(struct picture *p, const struct bytes *b, int side)
{
    struct reason why = REASON_INIT;
    if (picture_decode(p, b->data, b->size, side, &why))
        fail_msg("%s", why.sentence);
}

/* Takes over the bytes. */
static void assert_greys(struct bytes b, const uint8_t *greys, int n)
{
    struct picture p = PICTURE_INIT;
    decode(&p, &b, 0);
    assert_int_equal(p.width * p.height, n);
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 3; c++)
            assert_int_equal(p.rgb[3 * i + c], greys[i]);
    picture_release(&p);
    free(b.data);
}

static void odd_metadata_is_no_fault(void **state)
{
    (void)state;
    static const uint8_t grey[] = {10, 200};
    static const unsigned tags[] = {34675, 700, 65001, 34022, 320, 33723};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct kind k = {8, 1, 1, 1, -1, tags[i], 0, 0};
        assert_greys(make_tiff(2, 1, k, grey), grey, 2);
    }
}

static void grey_with_alpha_is_laid_over_white(void **state)
{
    (void)state;
    enum { UNSPECIFIED, ASSOCIATED, UNASSOCIATED };
    static const uint8_t pairs[] = {100, 255, 100, 0, 100, 128};
    static const uint8_t planes[] = {100, 100, 100, 255, 0, 128};
    static const uint16_t wide[] = {25700, 65535, 25700, 0, 25700, 32896};
    static const uint8_t shown[] = {100, 255, 177};
    struct kind k = {8, 2, 1, 1, UNASSOCIATED, 0, 0, 0};
    assert_greys(make_tiff(3, 1, k, pairs), shown, 3);
    k.planar = 2;
    assert_greys(make_tiff(3, 1, k, planes), shown, 3);
    k = (struct kind){16, 2, 1, 1, UNASSOCIATED, 0, 0, 0};
    assert_greys(make_tiff(3, 1, k, wide), shown, 3);

    static const uint8_t inverse[] = {155, 255, 155, 0, 155, 128};
    k = (struct kind){8, 2, 0, 1, UNASSOCIATED, 0, 0, 0};
    assert_greys(make_tiff(3, 1, k, inverse), shown, 3);
    static const uint8_t multiplied[] = {100, 255, 0, 0, 50, 128};
    k = (struct kind){8, 2, 1, 1, ASSOCIATED, 0, 0, 0};
    assert_greys(make_tiff(3, 1, k, multiplied), shown, 3);
    /* what is not said to be alpha is none */
    static const uint8_t same[] = {100, 100, 100};
    k = (struct kind){8, 2, 1, 1, UNSPECIFIED, 0, 0, 0};
    assert_greys(make_tiff(3, 1, k, pairs), same, 3);
}

static uint8_t byte_of(unsigned plane, unsigned row, unsigned at)
{
    return (uint8_t)(row * 37 + at * 11 + plane * 90);
}

enum { TILE = 16, TALL = 21 };

/* A picture of such bytes in strips, 24 pixels wide, or 12 where the planes are
 * apart, .. */
static struct bytes make_strips(struct kind k)
{
    unsigned planes = k.planar == 2 ? k.samples : 1;
    unsigned row = (planes > 1 ? 12 : 24) * k.bits * k.samples / planes / 8;
    uint8_t *pixels = malloc((size_t)planes * TALL * row), *to = pixels;
    for (unsigned i = 0; i < planes * TALL * row; i++)
        *to++ = byte_of(i / (TALL * row), i / row % TALL, i % row);
    struct bytes b = make_tiff(planes > 1 ? 12 : 24, TALL, k, pixels);
    free(pixels);
    return b;
}

/* .. and in four tiles. */
static struct bytes make_tiles(struct kind k)
{
    unsigned planes = k.planar == 2 ? k.samples : 1;
    unsigned row = TILE * k.bits * k.samples / planes / 8, size = TILE * row;
    unsigned more = HEAD + 2 + ENTRIES_MOST * ENTRY + 4, data = more + 64;
    struct entry e[ENTRIES_MOST] = {
        {256, LONG, 1, planes > 1 ? 12 : 24},
        {257, LONG, 1, TALL},
        {258, SHORT, k.samples, k.bits * 0x10001},
        {259, SHORT, 1, 1},
        {262, SHORT, 1, k.photometric},
        {277, SHORT, 1, k.samples},
        {284, SHORT, 1, k.planar},
        {322, SHORT, 1, TILE},
        {323, SHORT, 1, TILE},
        {324, LONG, 4, more},
        {325, LONG, 4, more + 16},
        {338, SHORT, 1, (uint32_t)k.extra},
    };
    struct bytes b = {calloc(1, data + 4 * size), data + 4 * size};
    memcpy(b.data, "II*\0\x08\0\0\0", HEAD);
    put_entries(b.data + HEAD, e, k.extra < 0 ? 11 : 12, 0);
    for (unsigned i = 0; i < 4; i++) {
        unsigned plane = planes > 1 ? i / 2 : 0;
        unsigned down = planes > 1 ? i % 2 : i / 2;
        unsigned across = planes > 1 ? 0 : i % 2;
        put_le(b.data + more + 4 * i, data + i * size, 4);
        put_le(b.data + more + 16 + 4 * i, size, 4);
        for (unsigned at = 0; at < size; at++)
            b.data[data + i * size + at] =
                byte_of(plane, down * TILE + at / row, across * row + at % row);
    }
    return b;
}

static void tiles_are_as_strips(void **state)
{
    (void)state;
    static const struct kind kinds[] = {
        {8, 2, 1, 1, 2, 0, 0, 0},  {8, 2, 0, 2, 2, 0, 0, 0},
        {16, 2, 1, 1, 2, 0, 0, 0}, {16, 2, 1, 2, 1, 0, 0, 0},
        {8, 2, 1, 1, 0, 0, 0, 0},  {1, 1, 0, 1, -1, 0, 0, 0},
        {8, 1, 1, 1, -1, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct bytes of_strips = make_strips(kinds[i]);
        struct bytes of_tiles = make_tiles(kinds[i]);
        struct picture strips = PICTURE_INIT, tiles = PICTURE_INIT;
        decode(&strips, &of_strips, 0);
        decode(&tiles, &of_tiles, 0);
        assert_int_equal(tiles.width, strips.width);
        assert_int_equal(tiles.height, TALL);
        assert_memory_equal(strips.rgb, tiles.rgb,
                            (size_t)strips.width * TALL * 3);
        picture_release(&strips);
        picture_release(&tiles);
        free(of_strips.data);
        free(of_tiles.data);
    }
}

static void further_samples_of_colours_are_ignored(void **state)
{
    (void)state;
    static const uint8_t infrared[] = {70, 70, 70, 0, 80, 80, 80, 9};
    static const uint8_t greys[] = {70, 80};
    struct kind k = {8, 4, 2, 1, 0, 0, 0, 0};
    assert_greys(make_tiff(2, 1, k, infrared), greys, 2);
    static const uint16_t ink[8] = {0};
    struct picture p = PICTURE_INIT;
    struct reason why = REASON_INIT;
    k = (struct kind){16, 4, 5, 1, -1, 0, 0, 0};
    struct bytes b = make_tiff(2, 1, k, ink);
    assert_int_equal(picture_decode(&p, b.data, b.size, 0, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "CMYK with 4 samples of 16 bits"));
    free(b.data);
}

static void further_pages_are_noticed(void **state)
{
    (void)state;
    static const uint8_t grey[] = {10, 200};
    struct kind k = {8, 1, 1, 1, -1, 0, 0, 0};
    for (unsigned type = 0; type < 2; type++) { /* 1 = a smaller copy */
        struct picture p = PICTURE_INIT;
        struct bytes b = make_tiff(2, 1, k, grey);
        decode(&p, &b, 0);
        assert_false(p.more_pages);
        k.type = type;
        unsigned at = add_page(&b, 1, 2, k, grey);
        k.type = 0;
        put_le(b.data + HEAD + 2 + 10 * ENTRY, at, 4);
        decode(&p, &b, 0);
        assert_int_equal(p.width, 2);
        assert_int_equal(p.more_pages, type == 0);
        picture_release(&p);
        free(b.data);
    }
}

/* However a picture of two colours is read, it becomes the same. */
static void assert_streams(struct bytes b, int width, int height)
{
    enum { SIDE = 40 };
    struct picture whole = PICTURE_INIT, lines = PICTURE_INIT;
    uint8_t out[2][SIDE * SIDE * 3];
    decode(&whole, &b, 0);
    assert_int_equal(whole.width, width);
    assert_int_equal(picture_resize(&whole, SIDE, out[0], NULL), 0);
    picture_release(&whole);
    decode(&lines, &b, SIDE);
    assert_int_equal(lines.full_width, width);
    assert_int_equal(lines.full_height, height);
    assert_int_equal(lines.width, SIDE);
    assert_int_equal(picture_resize(&lines, SIDE, out[1], NULL), 0);
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    picture_release(&lines);
    free(b.data);
}

static struct bytes make_bmp(int width, int height, const uint8_t *bits,
                             size_t line)
{
    static const uint8_t palette[] = {9, 9, 9, 0, 255, 255, 255, 0};
    size_t padded = (line + 3) / 4 * 4, head = 54 + sizeof palette;
    struct bytes b = {calloc(1, head + padded * (size_t)height),
                      head + padded * (size_t)height};
    memcpy(b.data, "BM", 2);
    put_le(b.data + 10, (uint32_t)head, 4);
    put_le(b.data + 14, 40, 4);
    put_le(b.data + 18, (uint32_t)width, 4);
    put_le(b.data + 22, (uint32_t)height, 4);
    put_le(b.data + 26, 1, 2);
    put_le(b.data + 28, 1, 2);
    memcpy(b.data + 54, palette, sizeof palette);
    for (size_t y = 0; y < (size_t)height; y++)
        memcpy(b.data + head + y * padded, bits + y * line, line);
    return b;
}

static void large_scans_are_read_by_lines(void **state)
{
    (void)state;
    enum { WIDTH = 3001, HEIGHT = 1500, LINE = (WIDTH + 7) / 8 };
    static uint8_t bits[LINE * HEIGHT];
    uint32_t seed = 7;
    for (size_t i = 0; i < sizeof bits; i++) {
        seed = seed * 1664525 + 1013904223;
        bits[i] = (uint8_t)(seed >> (i / LINE > HEIGHT / 2 ? 24 : 29));
    }
    for (unsigned photometric = 0; photometric < 2; photometric++) {
        struct kind k = {1, 1, photometric, 1, -1, 0, 0, 0};
        assert_streams(make_tiff(WIDTH, HEIGHT, k, bits), WIDTH, HEIGHT);
    }
    assert_streams(make_bmp(WIDTH, HEIGHT, bits, LINE), WIDTH, HEIGHT);
    char path[] = "/tmp/primo-scan-XXXXXX";
    close(mkstemp(path));
    write_png(path, bits, WIDTH, HEIGHT, LINE,
              (struct png_style){.type = PNG_COLOR_TYPE_GRAY, .bits = 1});
    assert_streams(read_bytes(path), WIDTH, HEIGHT);
    unlink(path);
}

static void a_drawing_of_a0_is_read(void **state)
{
    (void)state;
    enum { WIDTH = 9933, HEIGHT = 14043, LINE = (WIDTH + 7) / 8 };
    struct picture p = PICTURE_INIT;
    struct reason why = REASON_INIT;
    uint8_t *bits = calloc(HEIGHT, LINE);
    struct kind k = {1, 1, 0, 1, -1, 0, 0, 0};
    struct bytes b = make_tiff(WIDTH, HEIGHT, k, bits);
    decode(&p, &b, 64);
    assert_int_equal(p.full_width, WIDTH);
    assert_int_equal(p.rgb[64 * 3 * 5000], 255);
    decode(&p, &b, PICTURE_MEASURE);
    assert_int_equal(p.full_height, HEIGHT);
    /* not as pixels that are all there at once */
    assert_int_equal(picture_decode(&p, b.data, b.size, 0, &why), -EFBIG);
    free(b.data);
    free(bits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_metadata_is_no_fault),
        cmocka_unit_test(grey_with_alpha_is_laid_over_white),
        cmocka_unit_test(tiles_are_as_strips),
        cmocka_unit_test(further_samples_of_colours_are_ignored),
        cmocka_unit_test(further_pages_are_noticed),
        cmocka_unit_test(large_scans_are_read_by_lines),
        cmocka_unit_test(a_drawing_of_a0_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
