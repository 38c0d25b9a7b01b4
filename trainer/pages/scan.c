#include "trainer/pages/scan.h"
#include "trainer/pages/content.h"
#include "trainer/pages/profile.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

enum { SIDE_MOST = 14400 /* points of a page */ };

/* The page */

static bool box_read(struct pdf_file *f, pdf_value v, double box[4])
{
    double n[4];
    if (!pdf_numbers(f, v, n, 4))
        return false;
    for (int i = 0; i < 2; i++) {
        box[i] = fmin(n[i], n[i + 2]);
        box[i + 2] = fmax(n[i], n[i + 2]);
    }
    return true;
}

/* The part of the page that is shown. */
static bool box_take(struct pdf_file *f, pdf_value page, double box[4])
{
    double crop[4];
    pdf_value cropped = pdf_inherited(f, page, "/CropBox");
    if (!box_read(f, pdf_inherited(f, page, "/MediaBox"), box) ||
        (cropped && !box_read(f, cropped, crop)))
        return false;
    for (int i = 0; i < 2 && cropped; i++) {
        box[i] = fmax(box[i], crop[i]);
        box[i + 2] = fmin(box[i + 2], crop[i + 2]);
    }
    double width = box[2] - box[0], height = box[3] - box[1];
    return width >= 1 && height >= 1 && width <= SIDE_MOST &&
           height <= SIDE_MOST;
}

/* Quarters of a turn to the right. */
static bool turns_take(struct pdf_file *f, pdf_value page, int *turns)
{
    double angle = 0;
    pdf_value rotate = pdf_inherited(f, page, "/Rotate");
    if (rotate && (!pdf_integer(f, rotate, &angle) || fabs(angle) > INT_MAX))
        return false;
    double rest = fmod(angle, 360);
    *turns = (int)((rest < 0 ? rest + 360 : rest) / 90);
    return fmod(angle, 90) == 0;
}

/* Notes and fields of forms are drawn over the page, unless they are hidden. */
static bool is_bare(struct pdf_file *f, pdf_value page)
{
    enum { HIDDEN = 2, NO_VIEW = 32 };
    pdf_value notes = pdf_get(f, page, "/Annots");
    bool bare = true;
    for (int i = 0; i < pdf_length(f, notes) && bare; i++) {
        double flags = 0;
        pdf_value note = pdf_item(f, notes, i);
        bare = pdf_integer(f, pdf_get(f, note, "/F"), &flags) && flags >= 0 &&
               flags <= INT_MAX && ((uint32_t)flags & (HIDDEN | NO_VIEW));
    }
    return bare;
}

/* The orientation of EXIF that a picture has which is laid by a matrix on a
 * page that is turned then. */
static int orientation_of(const double m[6], int turns)
{
    static const struct {
        int right[2],
            down[2]; /* where those of the picture go: x, and y down */
    } orientations[] = {{{1, 0}, {0, 1}},   {{-1, 0}, {0, 1}},
                        {{-1, 0}, {0, -1}}, {{1, 0}, {0, -1}},
                        {{0, 1}, {1, 0}},   {{0, 1}, {-1, 0}},
                        {{0, -1}, {-1, 0}}, {{0, -1}, {1, 0}}};
    bool lies = fabs(m[1]) > fabs(m[0]);
    int right[2] = {lies       ? 0
                    : m[0] > 0 ? 1
                               : -1,
                    !lies      ? 0
                    : m[1] > 0 ? -1
                               : 1};
    int down[2] = {!lies ? 0 : m[2] > 0 ? -1 : 1, lies ? 0 : m[3] > 0 ? 1 : -1};
    for (; turns > 0; turns--) {
        const int r = right[0], d = down[0];
        right[0] = -right[1], right[1] = r;
        down[0] = -down[1], down[1] = d;
    }
    int i = 0;
    while (orientations[i].right[0] != right[0] ||
           orientations[i].right[1] != right[1] ||
           orientations[i].down[0] != down[0] ||
           orientations[i].down[1] != down[1])
        i++;
    return i + 1;
}

/* The picture */

/* How many channels a profile has that changes nothing. */
static int profile_channels(struct pdf_file *f, pdf_value profile)
{
    double n = 0;
    uint8_t *data;
    size_t size;
    if (!pdf_integer(f, pdf_get(f, profile, "/N"), &n) || (n != 1 && n != 3) ||
        !pdf_unpacked(f, profile, &data, &size))
        return 0;
    bool plain = profile_is_plain(data, size, (int)n);
    free(data);
    return plain ? (int)n : 0;
}

/* The channels of a space of colours that looks as RGB or grey does; 0 = it is
 * another one. */
static int space_channels(struct pdf_file *f, const struct covering *c)
{
    pdf_value space = pdf_get(f, c->picture, "/ColorSpace");
    if (pdf_is_name_alone(f, space, "/DeviceRGB"))
        return c->rgb_replaced ? 0 : 3;
    if (pdf_is_name_alone(f, space, "/DeviceGray"))
        return c->grey_replaced ? 0 : 1;
    if (pdf_is_name(f, pdf_item(f, space, 0), "/ICCBased"))
        return profile_channels(f, pdf_item(f, space, 1));
    return 0;
}

/* Whether samples are taken as they are stored. */
static bool is_plain_decode(struct pdf_file *f, pdf_value decode, int channels)
{
    double range[6];
    bool plain = !decode || pdf_numbers(f, decode, range, 2 * channels);
    for (int i = 0; i < 2 * channels && decode && plain; i++)
        plain = range[i] == i % 2;
    return plain;
}

static bool is_number_or(struct pdf_file *f, pdf_value v, double n)
{
    double number;
    return !v || (pdf_number(f, v, &number) && number == n);
}

/* Whether what is said to a filter says what it does in any case. */
static bool is_plain_filter(struct pdf_file *f, pdf_value words, int channels)
{
    pdf_value turned = pdf_get(f, words, "/ColorTransform");
    return is_number_or(f, pdf_get(f, words, "/Predictor"), 1) &&
           (channels == 1 || is_number_or(f, turned, 1));
}

static bool are_plain_filters(struct pdf_file *f, pdf_value words, int channels)
{
    int n = pdf_length(f, words);
    bool plain = n || is_plain_filter(f, words, channels);
    for (int i = 0; i < n && plain; i++)
        plain = is_plain_filter(f, pdf_item(f, words, i), channels);
    return plain;
}

/* Takes the bytes of a JPEG, which some programs pack once more. */
static bool jpeg_take(struct pdf_file *f, pdf_value picture, struct scan *out)
{
    pdf_value filter = pdf_get(f, picture, "/Filter");
    if (pdf_is_name_alone(f, filter, "/DCTDecode"))
        return pdf_stored(f, picture, &out->jpeg, &out->size);
    return pdf_length(f, filter) == 2 &&
           pdf_is_name(f, pdf_item(f, filter, 0), "/FlateDecode") &&
           pdf_is_name(f, pdf_item(f, filter, 1), "/DCTDecode") &&
           pdf_inflated(f, picture, &out->jpeg, &out->size);
}

static bool picture_measure(struct pdf_file *f, pdf_value picture,
                            struct scan *out)
{
    double width = 0, height = 0, bits = 8;
    pdf_value given = pdf_get(f, picture, "/BitsPerComponent");
    if (!pdf_integer(f, pdf_get(f, picture, "/Width"), &width) ||
        !pdf_integer(f, pdf_get(f, picture, "/Height"), &height) ||
        (given && !pdf_integer(f, given, &bits)) || bits != 8 ||
        !(width >= 1 && width <= UINT16_MAX) ||
        !(height >= 1 && height <= UINT16_MAX))
        return false;
    out->width = (int)width;
    out->height = (int)height;
    return true;
}

static bool picture_take(struct pdf_file *f, const struct covering *c,
                         struct scan *out)
{
    /* Each of these changes how the picture looks. */
    static const char *const strange[] = {"/SMask", "/Mask", "/SMaskInData",
                                          "/Matte", "/F"};
    pdf_value p = c->picture, mask = pdf_get(f, p, "/ImageMask");
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        if (pdf_get(f, p, strange[i]))
            return false;
    if (mask && !pdf_is_false(f, mask))
        return false;
    int channels = out->channels = space_channels(f, c);
    return channels && picture_measure(f, p, out) &&
           is_plain_decode(f, pdf_get(f, p, "/Decode"), channels) &&
           are_plain_filters(f, pdf_get(f, p, "/DecodeParms"), channels) &&
           jpeg_take(f, p, out);
}

static bool find(struct pdf_file *f, pdf_value page, struct drawn_page *out)
{
    struct covering c;
    double box[4];
    int turns;
    if (!page || pdf_get(f, page, "/UserUnit") || !is_bare(f, page) ||
        !box_take(f, page, box) || !turns_take(f, page, &turns) ||
        !content_follow(f, page, box, &c) || !picture_take(f, &c, &out->scan))
        return false;
    bool turned = turns % 2;
    out->full_width = drawn_pixels(turned ? box[3] - box[1] : box[2] - box[0]);
    out->full_height = drawn_pixels(turned ? box[2] - box[0] : box[3] - box[1]);
    out->scan.orientation = orientation_of(c.matrix, turns);
    return true;
}

bool scan_find(struct pdf_file *f, int number, struct drawn_page *page)
{
    page->scan = (struct scan){0};
    bool found = number <= pdf_pages(f) && find(f, pdf_page(f, number), page) &&
                 pdf_is_sound(f);
    pdf_forget(f);
    if (!found) {
        free(page->scan.jpeg);
        page->scan = (struct scan){0};
    }
    return found;
}
