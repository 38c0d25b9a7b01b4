/* Pages of PDF files that are one scanned picture look the same whether they
 * are decoded or drawn, as programs of scanners write them and in other ways,
 * and whatever else is seen of a page, it is drawn. */
#include "trainer/pictures/picture.h"

#include "core/basic/text.h"
#include "tests/unit/pictures/pictures.h"
#include "trainer/pages/drawer.h"
#include "trainer/pages/scan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <zlib.h>

enum { WIDTH = 300, HEIGHT = 420, SIDE = 64 };
/* How much of 255 a decoded pixel may differ from a drawn one. At the sides
 * there may be lines of white, which are no part of a picture. */
enum { MOST = 24, ON_AVERAGE = 2 };

/* What a page is like; NULL = as a scanner makes it. */
struct style {
    const char *content, *page, *image, *filter, *space;
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

/* What pages may name: fonts, states, and forms that draw the picture. */
static const char resources[] =
    "/XObject<</Im0 5 0 R/Im1 6 0 R/Fm0 7 0 R/Fm1 8 0 R/Fm2 9 0 R/Fm3 10 0 R"
    "/Fm4 12 0 R/Fm5 13 0 R/Fm6 14 0 R>>"
    "/Font<</F0<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    "/F1<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]"
    "/FirstChar 97/LastChar 97/Widths[1]/Encoding<</Differences[97/a]>>"
    "/CharProcs<</a 11 0 R>>>>>>"
    "/ExtGState<</G0<</ca .5>>/G1<</ca 1/CA .5/BM/Normal/SMask/None>>"
    "/G2<</BM/Multiply>>/G3<</SMask<</S/Luminosity/G 9 0 R>>>>>>";

static void make_forms(struct text *out, size_t *at)
{
    static const struct {
        const char *words, *content;
    } forms[] = {
        {"/BBox[0 0 144 201.6]/Matrix[1 0 0 1 0 0]/Group<</S/Transparency>>",
         covering},
        {"/BBox[0 0 99 99]", "BT 3 Tr /F0 30 Tf 9 9 Td (not seen) Tj ET"},
        {"/BBox[0 0 99 99]", covering},
        {"/BBox[0 0 144 201.6]", "/Fm3 Do"}, /* itself */
        {"/BBox[0 0 144 201.6]/Resources<</XObject<</Im1 6 0 R>>>>", covering},
        {"/BBox[0 0 144 201.6]/Resources<</ExtGState<</G1<</ca 1>>>>>>",
         "/G0 gs q 144 0 0 201.6 0 0 cm /Im0 Do Q"},
        {"/BBox[0 0 99 99]/Resources<</Font<<>>>>",
         "BT 3 Tr /F1 30 Tf 9 9 Td (a) Tj ET"},
    };
    for (int i = 0; i < 7; i++) {
        struct text words = TEXT_INIT;
        text_printf(&words, "/Type/XObject/Subtype/Form%s", forms[i].words);
        object_stream(out, at, i < 4 ? 7 + i : 8 + i, text_string(&words),
                      forms[i].content, strlen(forms[i].content));
        text_release(&words);
    }
}

/* A page of 144 x 201.6 points with a picture of 150 dpi. */
static void make(struct text *out, struct style s)
{
    enum { OBJECTS = 15 };
    size_t at[OBJECTS];
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
    text_printf(out,
                "<</Type/Pages/Kids[3 0 R]/Count 1/Resources<<%s>>%s>>\n"
                "endobj\n",
                resources,
                s.page && strstr(s.page, "/MediaBox")
                    ? ""
                    : "/MediaBox[0 0 144 201.6]");
    object_begin(out, at, 3);
    text_printf(out,
                "<</Type /Page /Parent 2 0 R /Contents 4 0 R %s>>\nendobj\n",
                s.page ? s.page : "");
    if (s.filter)
        object_stream(out, at, 4, "/Filter/FlateDecode", packed, size);
    else
        object_stream(out, at, 4, "", content, strlen(content));
    text_printf(&words,
                "/Type/XObject/Subtype/Image/Width %d/Height %d/Filter"
                "/DCTDecode/BitsPerComponent 8/ColorSpace%s%s",
                WIDTH, HEIGHT,
                s.space         ? s.space
                : channels == 1 ? "/DeviceGray"
                : channels == 3 ? "/DeviceRGB"
                                : "/DeviceCMYK",
                s.image ? s.image : "");
    object_stream(out, at, 5, text_string(&words), b.data, b.size);
    object_stream(out, at, 6,
                  "/Type/XObject/Subtype/Image/Width 1/Height 1"
                  "/BitsPerComponent 8/ColorSpace/DeviceGray",
                  "\x80", 1);
    make_forms(out, at);
    object_stream(out, at, 11, "", "1 0 d0 0 0 1 1 re f", 19);
    size_t table = out->size;
    text_printf(out, "xref\n0 %d\n0000000000 65535 f \n", OBJECTS);
    for (int i = 1; i < OBJECTS; i++)
        text_printf(out, "%010zu 00000 n \n", at[i]);
    text_printf(out,
                "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n",
                OBJECTS, table);
    text_release(&words);
    free(b.data);
}

enum { BYTES = SIDE * SIDE * 3 };

/* Reads the first page; returns whether it was decoded. */
static bool page_read(const struct text *file, struct picture *sizes,
                      uint8_t *rgb)
{
    struct picture p = PICTURE_INIT;
    struct reason why = REASON_INIT;
    if (picture_decode(&p, (const uint8_t *)file->data, file->size, SIDE, &why))
        fail_msg("%s", why.sentence);
    assert_int_equal(picture_resize(&p, SIDE, rgb, NULL), 0);
    *sizes = p;
    sizes->rgb = NULL;
    picture_release(&p);
    return !sizes->drawn;
}

static int drawn_take_page(void *context, const struct drawn_page *page,
                           struct reason *why)
{
    enum { PIXELS = 4 * SIDE * SIDE };
    struct picture *out = context;
    (void)why;
    assert_null(page->scan.jpeg);
    *out = (struct picture){.width = page->width,
                            .height = page->height,
                            .full_width = page->full_width,
                            .full_height = page->full_height,
                            .more_pages = page->of > 1,
                            .rgb = malloc(PIXELS * 3)};
    for (int i = 0; i < PIXELS; i++)
        for (int c = 0; c < 3; c++)
            out->rgb[3 * i + c] = (uint8_t)(page->pixels[i] >> (16 - 8 * c));
    return 0;
}

/* Draws the first page, whatever it is, as pages are drawn. */
static void page_draw(const struct text *file, struct picture *sizes,
                      uint8_t *rgb)
{
    const struct drawing d = {.data = (const uint8_t *)file->data,
                              .size = file->size,
                              .side = 2 * SIDE,
                              .first = 1,
                              .count = 1};
    struct picture p = PICTURE_INIT;
    struct reason why = REASON_INIT;
    int total;
    if (draw_pages(&d, drawn_take_page, &p, &total, &why))
        fail_msg("%s", why.sentence);
    assert_int_equal(picture_resize(&p, SIDE, rgb, NULL), 0);
    *sizes = p;
    picture_release(&p);
}

static void same_as_drawn(const struct text *file, const char *name)
{
    static uint8_t decoded[BYTES], drawn[BYTES];
    struct picture a, b;
    double sum = 0;
    int most = 0;
    if (!page_read(file, &a, decoded))
        fail_msg("%s is not taken for a scan", name);
    page_draw(file, &b, drawn);
    assert_int_equal(a.full_width, b.full_width);
    assert_int_equal(a.full_height, b.full_height);
    assert_int_equal(a.more_pages, b.more_pages);
    for (int i = 0; i < BYTES; i++) {
        int d = abs(decoded[i] - drawn[i]), x = i / 3 % SIDE, y = i / 3 / SIDE;
        bool inside = x && y && x < SIDE - 1 && y < SIDE - 1;
        most = d > most && inside ? d : most;
        sum += d;
    }
    if (most > MOST || sum / BYTES > ON_AVERAGE)
        fail_msg("%s: they differ by %d, %.1f on average", name, most,
                 sum / BYTES);
}

/* Looks at a file in this process, as drawers do. */
static void look(const uint8_t *data, size_t size)
{
    struct pdf_file *f = pdf_open(data, size);
    struct drawn_page page = {.number = 1};
    if (f && scan_find(f, 1, &page))
        free(page.scan.jpeg);
    pdf_close(f);
}

static bool is_scan(struct style s)
{
    static uint8_t rgb[BYTES];
    struct text file = TEXT_INIT;
    struct picture sizes;
    make(&file, s);
    bool scan = page_read(&file, &sizes, rgb);
    text_release(&file);
    return scan;
}

static void decoded_is_drawn(struct style s)
{
    struct text file = TEXT_INIT, name = TEXT_INIT;
    make(&file, s);
    text_printf(&name, "\"%s%s%s\"", s.content ? s.content : "",
                s.page ? s.page : "", s.image ? s.image : "");
    text_printf(&name, " %s", s.space ? s.space : "");
    same_as_drawn(&file, text_string(&name));
    text_release(&file);
    text_release(&name);
}

#define CALIBRATED "[/CalRGB<</WhitePoint[.9505 1 1.089]/Gamma[2.2 2.2 2.2]"

static void scans_look_as_they_are_drawn(void **state)
{
    (void)state;
    static const struct style scans[] = {
        {0},
        {.channels = 1},
        {.filter = "yes"},
        {.page = "/Rotate 0"},
        {.page = "/Rotate 90"},
        {.page = "/Rotate 180"},
        {.page = "/Rotate -90"},
        {.page = "/Rotate 450"},
        {.page = "/CropBox[0 0 144 201.6]"},
        {.page = "/MediaBox[-9 0 200 300]/CropBox[144 201.6 0 0]"},
        {.page = "/Annots[]"},
        {.page = "/Annots[<</Type/Annot/Subtype/Square/Rect[9 9 99 99]/F 2>>]"},
        {.image = "/Interpolate true"},
        {.space = "[/DeviceRGB]"},
        {.image = "/ImageMask false/DecodeParms[null]/Decode[0 1 0 1 0 1]"},
    };
    for (size_t i = 0; i < sizeof scans / sizeof *scans; i++)
        decoded_is_drawn(scans[i]);
}

/* What draws the same picture, or text and drawings that are not seen. */
static void contents_may_be_written_otherwise(void **state)
{
    (void)state;
    static const char *const contents[] = {
        "q 2 0 0 2 0 0 cm q 72 0 0 100.8 0 0 cm % the page\n/Im0 Do Q Q",
        "q -144 0 0 201.6 144 0 cm /Im0 Do Q",
        "q 144 0 0 -201.6 0 201.6 cm /Im0 Do Q",
        "q -144 0 0 -201.6 144 201.6 cm /Im0 Do Q",
        "q 0 201.6 144 0 0 0 cm /Im0 Do Q",
        "q 0 201.6 -144 0 144 0 cm /Im0 Do Q",
        "q 0 -201.6 144 0 0 201.6 cm /Im0 Do Q",
        "q 0 -201.6 -144 0 144 201.6 cm /Im0 Do Q",
        "0 0 144 201.6 re W n q 144 0 0 201.6 0 0 cm /Im0 Do Q",
        "0 0 144 201.6 re W* n /G1 gs q 144 0 0 201.6 0 0 cm /Im0 Do Q",
        "/Artifact <</A [1 (x\\)) <0F>]>> BDC 1 0 0 rg 0 0 144 201.6 re f\n"
        "BT /F0 30 Tf 9 99 Td (under it) Tj ET 144 0 0 201.6 0 0 cm\n"
        "/Im0 Do EMC",
        "/Im1 Do q 144 0 0 201.6 0 0 cm /Im0 Do Q",
        "q 144 0 0 201.6 0 0 cm /Im0 Do Q\n"
        "BT 3 Tr /F0 30 Tf 9 99 Td (not) ' [(see) -9 <6E>] TJ ET",
        "q 144 0 0 201.6 0 0 cm /Im0 Do Q 3 Tr q 0 Tr Q BT /F0 30 Tf\n"
        "9 99 Td (x) Tj ET",
        "/Fm0 Do /Fm1 Do",
        "/Fm4 Do",
        "q 144 0 0 201.6 0 0 cm /Im0 Do /Im0 Do Q",
    };
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
        decoded_is_drawn((struct style){.content = contents[i]});
    assert_true(
        is_scan(/* but for a line at its side that is white */
                (struct style){.content = "144 0 0 201.6 0.1 -.1 cm /Im0 Do"}));
}

#define COVERED "q 144 0 0 201.6 0 0 cm /Im0 Do Q "

static void all_else_is_drawn(void **state)
{
    static const struct style others[] = {
        {.channels = 4},
        {.image = "/Decode[1 0 1 0 1 0]"},
        {.image = "/SMask 6 0 R"},
        {.space = "[/CalRGB<</WhitePoint[.9505 1 1.089]>>]"},
        {.space = "[/CalGray<</WhitePoint[.9505 1 1.089]>>]", .channels = 1},
        {.space = "[/Indexed/DeviceRGB 1<000000FFFFFF>]", .channels = 1},
        {.space = "[/ICCBased 5 0 R]"},
        {.image = "/Mask[0 1 0 1 0 1]"},
        {.image = "/DecodeParms<</ColorTransform 0>>"},
        {.image = "/OC<</Type/OCG/Name(x)>>"},
        {.page = "/CropBox[10 10 100 100]"},
        {.page = "/Rotate 45"},
        {.page = "/Rotate 90.0"},
        {.page = "/UserUnit 2"},
        {.page = "/Annots[<</Type/Annot/Subtype/Square/Rect[9 9 99 99]>>]"},
        {.page = "/Annots[<</Type/Annot/Subtype/Square/F 4>>]"},
        {.page =
             "/Annots[<</Type/Annot/Subtype/Square/Rect[9 9 99 99]/F 2.0>>]"},
        {.page = "/MediaBox[0 0 300 300]"},
        {.content = ""},
        {.content = "q 100 0 0 201.6 0 0 cm /Im0 Do Q"},
        {.content = "q 300 0 0 201.6 0 0 cm /Im0 Do Q"},
        {.content = "q 144 0 0 201.6 30 0 cm /Im0 Do Q"},
        {.content = "q 144 9 9 201.6 0 0 cm /Im0 Do Q"},
        {.content = "q 144 0 0 201.6 0 0 cm Q /Im0 Do"},
        {.content = "0 0 9 9 re W n " COVERED},
        {.content = "0 0 m 144 0 l 0 201 l h W n " COVERED},
        {.content = "/G0 gs " COVERED},
        {.content = "/G2 gs " COVERED},
        {.content = "/G3 gs /Fm0 Do"},
        {.content = "/G0 gs /Fm0 Do"},
        {.content = "/Fm2 Do"},
        {.content = "/Fm3 Do"},
        {.content = "/Fm5 Do"},
        {.content = COVERED "/Fm6 Do"},
        {.content = "/Fm4 Do",
         .page = "/Resources<</XObject<</Fm4 12 0 R/Im0 5 0 R>>/ColorSpace"
                 "<</DefaultRGB[/CalRGB<</WhitePoint[.9505 1 1.089]>>]>>>>"},
        {.content = "/G9 gs " COVERED},
        {.content = COVERED "BT 3 Tr /F9 30 Tf 9 99 Td (a) Tj ET"},
        {.content = COVERED "0 0 9 9 re f"},
        {.content = COVERED "0 0 m 9 9 l S"},
        {.content = COVERED "BT /F0 30 Tf 9 99 Td (seen) Tj ET"},
        {.content = COVERED "BT 3 Tr /F1 30 Tf 9 99 Td (a) Tj ET"},
        {.content = COVERED "BT 7 Tr /F0 30 Tf 9 99 Td (cut) Tj ET"},
        {.content = COVERED "BT 3.0 Tr /F0 30 Tf 9 99 Td (seen) Tj ET"},
        {.content = COVERED "q 9 0 0 9 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x\n"
                            "EI Q"},
        {.content = COVERED "q 9 0 0 9 0 0 cm /Im0 Do Q"},
        {.content = "/OC /Layer BDC " COVERED "EMC"},
        {.content = "144 0 0 201.6 0 0 cm /Im1 Do"},
        {.content = "144 0 0 201.6 0 0 cm (x /Im0 Do"},
        {.content = COVERED "Q Q"},
        {.content = COVERED "unknown"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_scan(others[i]))
            fail_msg("number %zu is taken for a scan", i);
}

/* Files as programs make them of a picture of these sides, with a text that is
 * not seen and without. */
static void files_of_programs(void **state)
{
    static const struct {
        const char *name;
        bool drawn;
    } files[] = {
        {"img2pdf", false},         {"img2pdf-grey", false},
        {"img2pdf-icc", false},     {"img2pdf-icc-grey", false},
        {"img2pdf-rotated", false}, {"imagemagick", false},
        {"ghostscript", false},     {"cairo", false},
        {"cairo-ocr", false},       {"ocrmypdf", false},
        {"ocrmypdf-a", false},      {"ocrmypdf-turned", false},
        {"tesseract", false},       {"qpdf-objects", false},
        {"qpdf-linear", false},     {"qpdf-overlay", false},
        {"mixed", false},           {"encrypted", true},
        {"img2pdf-icc-wide", true}, {"img2pdf-a4", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        static uint8_t rgb[BYTES];
        struct picture sizes;
        struct text path = TEXT_INIT, file = TEXT_INIT;
        struct reason why = REASON_INIT;
        text_printf(&path, "tests/fuzz/corpus/documents/scan-%s.pdf",
                    files[i].name);
        if (picture_load(text_string(&path), &file, &why))
            fail_msg("%s: %s", text_string(&path), why.sentence);
        if (!files[i].drawn)
            same_as_drawn(&file, files[i].name);
        else if (page_read(&file, &sizes, rgb))
            fail_msg("%s is taken for a scan", files[i].name);
        text_release(&path);
        text_release(&file);
    }
}

/* Files that are cut or changed anywhere are read without harm. */
static void damage_is_no_harm(void **state)
{
    static const char changed[] = {'<', '>', '[', '(', '9', '/', ' ', 'R'};
    struct text file = TEXT_INIT;
    (void)state;
    make(&file, (struct style){0});
    for (size_t i = 0;
         i<file.size; i += i> 700 && i + 700 < file.size ? 97 : 1) {
        char was = file.data[i];
        uint8_t *copy = malloc(i + 1); /* of the exact size, for sanitizers */
        memcpy(copy, file.data, i);
        look(copy, i);
        free(copy);
        file.data[i] = changed[i * 5 % sizeof changed];
        look((const uint8_t *)file.data, file.size);
        file.data[i] = was;
    }
    text_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scans_look_as_they_are_drawn),
        cmocka_unit_test(contents_may_be_written_otherwise),
        cmocka_unit_test(all_else_is_drawn),
        cmocka_unit_test(files_of_programs),
        cmocka_unit_test(damage_is_no_harm),
    };
    drawers_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
