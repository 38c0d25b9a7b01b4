/* pdf_scan.h: pages that are one scanned picture look the same whether they are
 * decoded or drawn, and whatever else a page has, it is drawn. */
#include "trainer/pictures/pdf_scan.h"

#include "core/basic/text.h"
#include "tests/unit/pictures/pictures.h"
#include "trainer/pages/drawer.h"
#include "trainer/pictures/picture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <zlib.h>

enum { WIDTH = 300, HEIGHT = 420, SIDE = 64 };

/* What a page is like; NULL = as a scanner makes it. */
struct style {
    const char *content, *page, *image, *filter;
    int channels;
};

static int object_begin(struct text *out, size_t *at, int number)
{
    at[number] = out->size;
    text_printf(out, "%d 0 obj\n", number);
    return number;
}

static void object_stream(struct text *out, size_t *at, int number,
                          const char *words, const void *data, size_t size)
{
    object_begin(out, at, number);
    text_printf(out, "<<%s/Length %zu>>stream\n", words, size);
    text_add(out, data, size);
    text_puts(out, "\nendstream\nendobj\n");
}

/* Smooth, and different in each corner. */
static struct bytes jpeg(int channels)
{
    uint8_t *pixels = malloc((size_t)WIDTH * HEIGHT * (size_t)channels);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        int x = i % WIDTH, y = i / WIDTH;
        for (int c = 0; c < channels; c++)
            pixels[i * channels + c] =
                (uint8_t)(c == 0   ? 200 * x / WIDTH + 20
                          : c == 1 ? 200 * y / HEIGHT + 30
                                   : 100 + 50 * x / WIDTH - 50 * y / HEIGHT);
    }
    struct bytes out =
        make_jpeg(pixels, WIDTH, HEIGHT, channels, (struct jpeg_style){0});
    free(pixels);
    return out;
}

static const char covering[] = "q 144 0 0 201.6 0 0 cm /Im0 Do Q\n";

/* A page of 144 x 201.6 points with a picture of 150 dpi. */
static void make(struct text *out, struct style s)
{
    size_t at[6];
    int channels = s.channels ? s.channels : 3;
    struct bytes b = jpeg(channels);
    struct text words = TEXT_INIT;
    uint8_t packed[1000];
    uLongf size = sizeof packed;
    const char *content = s.content ? s.content : covering;
    compress(packed, &size, (const Bytef *)content, strlen(content));
    text_puts(out, "%PDF-1.4\n");
    object_begin(out, at, 1);
    text_puts(out, "<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
    object_begin(out, at, 2);
    text_puts(out, "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox"
                   "[0 0 144 201.6]>>\nendobj\n");
    object_begin(out, at, 3);
    text_printf(out,
                "<</Type /Page /Parent 2 0 R /Resources <</XObject "
                "<</Im0 5 0 R>> >> /Contents 4 0 R %s>>\nendobj\n",
                s.page ? s.page : "");
    if (s.filter)
        object_stream(out, at, 4, "/Filter/FlateDecode", packed, size);
    else
        object_stream(out, at, 4, "", content, strlen(content));
    text_printf(&words,
                "/Type/XObject/Subtype/Image/Width %d/Height %d/Filter"
                "/DCTDecode/BitsPerComponent 8/ColorSpace/%s%s",
                WIDTH, HEIGHT,
                channels == 1   ? "DeviceGray"
                : channels == 3 ? "DeviceRGB"
                                : "DeviceCMYK",
                s.image ? s.image : "");
    object_stream(out, at, 5, text_string(&words), b.data, b.size);
    size_t table = out->size;
    text_puts(out, "xref\n0 6\n0000000000 65535 f \n");
    for (int i = 1; i < 6; i++)
        text_printf(out, "%010zu 00000 n \n", at[i]);
    text_printf(out,
                "trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n",
                table);
    text_release(&words);
    free(b.data);
}

static bool is_scan(struct style s)
{
    struct text file = TEXT_INIT;
    struct pdf_file f;
    struct pdf_scan scan;
    make(&file, s);
    bool found = pdf_open(&f, (const uint8_t *)file.data, file.size);
    assert_true(found);
    found = pdf_scan_find(&f, 1, &scan) && !pdf_scan_find(&f, 2, &scan);
    pdf_release(&f);
    text_release(&file);
    return found;
}

/* The page, resized. */
static struct picture read_page(struct style s, uint8_t *rgb)
{
    struct text file = TEXT_INIT;
    struct picture p = PICTURE_INIT;
    struct reason why = REASON_INIT;
    make(&file, s);
    if (picture_decode(&p, (const uint8_t *)file.data, file.size, SIDE, &why))
        fail_msg("%s", why.sentence);
    assert_int_equal(picture_resize(&p, SIDE, rgb, NULL), 0);
    text_release(&file);
    struct picture sizes = p;
    picture_release(&p);
    return sizes;
}

/* Text that shows nothing makes the page one that is drawn. */
static void decoded_is_drawn(struct style s)
{
    enum { BYTES = SIDE * SIDE * 3 };
    static uint8_t decoded[BYTES], drawn[BYTES];
    struct style other = s;
    double sum = 0;
    int most = 0;
    other.content = "q 144 0 0 201.6 0 0 cm /Im0 Do Q BT ET\n";
    assert_true(is_scan(s));
    assert_false(is_scan(other));
    struct picture a = read_page(s, decoded), b = read_page(other, drawn);
    assert_int_equal(a.full_width, b.full_width);
    assert_int_equal(a.full_height, b.full_height);
    assert_int_equal(a.more_pages, b.more_pages);
    for (int i = 0; i < BYTES; i++) {
        int d = abs(decoded[i] - drawn[i]);
        most = d > most ? d : most;
        sum += d;
    }
    if (most > 12 || sum / BYTES > 2)
        fail_msg("they differ by %d, %.1f on average", most, sum / BYTES);
}

static void scans_look_as_they_are_drawn(void **state)
{
    (void)state;
    decoded_is_drawn((struct style){0});
    decoded_is_drawn((struct style){.channels = 1});
    decoded_is_drawn((struct style){.page = "/Rotate 0"});
    decoded_is_drawn((struct style){.page = "/Rotate 90"});
    decoded_is_drawn((struct style){.page = "/Rotate 180"});
    decoded_is_drawn((struct style){.page = "/Rotate 270"});
    decoded_is_drawn((struct style){.page = "/CropBox[0 0 144 201.6]"});
    decoded_is_drawn((struct style){.image = "/Interpolate true"});
}

static void content_may_be_packed_and_in_steps(void **state)
{
    (void)state;
    assert_true(is_scan((struct style){.filter = "yes"}));
    assert_true(is_scan(
        (struct style){.content = "q 2 0 0 2 0 0 cm q 72 0 0 100.8 0 0 cm "
                                  "% the page\n/Im0 Do Q Q"}));
    assert_true(
        is_scan((struct style){.content = "144 0 0 201.6 0.1 -.1 cm /Im0 Do"}));
}

static void all_else_is_drawn(void **state)
{
    static const struct style others[] = {
        {.channels = 4},
        {.image = "/Decode[1 0 1 0 1 0]"},
        {.image = "/SMask 5 0 R"},
        {.image = "/Mask[0 1 0 1 0 1]"},
        {.image = "/DecodeParms<</ColorTransform 0>>"},
        {.image = "/OC 5 0 R"},
        {.page = "/CropBox[10 10 100 100]"},
        {.page = "/Rotate 45"},
        {.page = "/UserUnit 2"},
        {.page = "/Annots[<<>>]"},
        {.page = "/MediaBox[0 0 300 300]"},
        {.content = ""},
        {.content = "q 144 0 0 201.6 0 0 cm /Im0 Do /Im0 Do Q"},
        {.content = "q 100 0 0 201.6 0 0 cm /Im0 Do Q"},
        {.content = "q 144 0 0 201.6 30 0 cm /Im0 Do Q"},
        {.content = "q 144 0 0 -201.6 0 201.6 cm /Im0 Do Q"},
        {.content = "q 0 201.6 144 0 0 0 cm /Im0 Do Q"},
        {.content = "q 144 0 0 201.6 0 0 cm Q /Im0 Do"},
        {.content = "0 0 9 9 re W n 144 0 0 201.6 0 0 cm /Im0 Do"},
        {.content = "144 0 0 201.6 0 0 cm /Im0 Do 0 0 9 9 re f"},
        {.content = "144 0 0 201.6 0 0 cm /Im1 Do"},
        {.content = "144 0 0 201.6 0 0 cm (x) /Im0 Do"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_scan(others[i]))
            fail_msg("number %zu is taken for a scan", i);
}

/* Files that are cut or changed anywhere are read without harm. */
static void damage_is_no_harm(void **state)
{
    struct text file = TEXT_INIT;
    struct pdf_file f;
    struct pdf_scan scan;
    (void)state;
    make(&file, (struct style){0});
    for (size_t i = 0;
         i<file.size; i += i> 700 && i + 700 < file.size ? 97 : 1) {
        char was = file.data[i];
        uint8_t *copy = malloc(i + 1); /* of the exact size, for sanitizers */
        memcpy(copy, file.data, i);
        if (pdf_open(&f, copy, i)) {
            pdf_scan_find(&f, 1, &scan);
            pdf_release(&f);
        }
        free(copy);
        static const char changed[] = {'<', '>', '[', '(', '9', '/', ' ', 'R'};
        for (size_t k = 0; k < sizeof changed; k++) {
            file.data[i] = changed[k];
            if (pdf_open(&f, (const uint8_t *)file.data, file.size)) {
                if (pdf_scan_find(&f, 1, &scan))
                    assert_true(scan.jpeg + scan.size <=
                                (const uint8_t *)file.data + file.size);
                pdf_release(&f);
            }
        }
        file.data[i] = was;
    }
    text_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scans_look_as_they_are_drawn),
        cmocka_unit_test(content_may_be_packed_and_in_steps),
        cmocka_unit_test(all_else_is_drawn),
        cmocka_unit_test(damage_is_no_harm),
    };
    drawers_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
