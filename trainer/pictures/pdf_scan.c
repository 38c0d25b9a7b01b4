#include "trainer/pictures/pdf_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum {
    CONTENT_MOST = 4096, /* bytes; what draws one picture takes less */
    ORDERS_MOST = 64,
    SIDE_MOST = 14400, /* points of a page */
};

/* A page that a picture covers but for this share of its side is covered. */
#define UNCOVERED 0.005

/* Content */

/* What has been drawn: the matrix in force, and the name of the picture. */
struct drawn {
    double matrix[6];
    char name[64]; /* with its '/'; "" = nothing yet */
};

static void matrix_multiply(const double by[6], double m[6])
{
    const double r[6] = {
        by[0] * m[0] + by[1] * m[2],        by[0] * m[1] + by[1] * m[3],
        by[2] * m[0] + by[3] * m[2],        by[2] * m[1] + by[3] * m[3],
        by[4] * m[0] + by[5] * m[2] + m[4], by[4] * m[1] + by[5] * m[3] + m[5]};
    memcpy(m, r, sizeof r);
}

/* Takes "A B C D E F cm". */
static bool matrix_take(struct pdf_value *content, double m[6])
{
    double by[6];
    char word[64], *end;
    for (int i = 0; i < 6; i++) {
        if (pdf_word(content, word) <= 0)
            return false;
        by[i] = strtod(word, &end);
        if (*end || !isfinite(by[i]))
            return false;
    }
    matrix_multiply(by, m);
    return pdf_word(content, word) > 0 && !strcmp(word, "cm");
}

/* Follows what a page does, if it is nothing but the drawing of one picture. A
 * state that is saved must not come back before it, and afterwards draws
 * nothing. */
static bool content_follow(struct pdf_value content, struct drawn *d)
{
    char word[64];
    int n = 0, orders = 0;
    *d = (struct drawn){.matrix = {1, 0, 0, 1, 0, 0}};
    for (struct pdf_value at = content; orders++ < ORDERS_MOST; content = at) {
        n = pdf_word(&at, word);
        if (n <= 0)
            break;
        if (!strcmp(word, "q") || (!strcmp(word, "Q") && *d->name))
            continue;
        if (*d->name)
            return false;
        if (*word == '/') {
            memcpy(d->name, word, sizeof word);
            if (pdf_word(&at, word) <= 0 || strcmp(word, "Do"))
                return false;
        } else {
            at = content;
            if (!matrix_take(&at, d->matrix))
                return false;
        }
    }
    return n == 0 && *d->name;
}

/* Unpacks what is short enough. */
static bool content_unpack(const uint8_t *data, size_t size,
                           uint8_t to[CONTENT_MOST], size_t *got)
{
    uLongf n = CONTENT_MOST;
    *got = 0;
    if (uncompress(to, &n, data, size) != Z_OK)
        return false;
    *got = n;
    return true;
}

static bool content_read(const struct pdf_file *f, const struct pdf_page *p,
                         struct drawn *out)
{
    uint8_t unpacked[CONTENT_MOST];
    const uint8_t *data;
    size_t size;
    struct pdf_value dict = pdf_get(f, p->dict, "Contents");
    struct pdf_value filter = pdf_get(f, dict, "Filter");
    if (!pdf_stream(f, dict, &data, &size) ||
        pdf_get(f, dict, "DecodeParms").at)
        return false;
    if (filter.at && (!pdf_is_name_alone(filter, "FlateDecode") ||
                      !content_unpack(data, size, unpacked, &size)))
        return false;
    if (size > CONTENT_MOST)
        return false;
    data = filter.at ? unpacked : data;
    return content_follow((struct pdf_value){data, data + size}, out);
}

/* The page */

/* The box of the page, if it is cut to no other one. */
static bool box_take(const struct pdf_file *f, const struct pdf_page *p,
                     double box[4])
{
    double crop[4];
    if (!pdf_numbers(f, p->media_box, box, 4))
        return false;
    if (p->crop_box.at && (!pdf_numbers(f, p->crop_box, crop, 4) ||
                           memcmp(crop, box, sizeof crop)))
        return false;
    double width = box[2] - box[0], height = box[3] - box[1];
    return width >= 1 && height >= 1 && width <= SIDE_MOST &&
           height <= SIDE_MOST;
}

static bool is_covered(const double box[4], const double m[6])
{
    double width = box[2] - box[0], height = box[3] - box[1];
    return m[1] == 0 && m[2] == 0 && fabs(m[4] - box[0]) <= UNCOVERED * width &&
           fabs(m[0] - width) <= UNCOVERED * width &&
           fabs(m[5] - box[1]) <= UNCOVERED * height &&
           fabs(m[3] - height) <= UNCOVERED * height;
}

static bool orientation_take(const struct pdf_page *p, int *out)
{
    double angle = 0;
    if (p->rotate.at && !pdf_number(p->rotate, &angle))
        return false;
    *out = angle == 0 ? 1 : angle == 90 ? 6 : angle == 180 ? 3 : 8;
    return angle == 0 || angle == 90 || angle == 180 || angle == 270;
}

/* The picture */

static bool has_any(const struct pdf_file *f, struct pdf_value dict,
                    const char *const keys[])
{
    while (*keys && !pdf_get(f, dict, *keys).at)
        keys++;
    return *keys;
}

static bool picture_take(const struct pdf_file *f, const struct pdf_page *p,
                         const char *name, struct pdf_scan *out)
{
    /* Each of these changes how the picture looks. */
    static const char *const strange[] = {
        "SMask", "Mask", "ImageMask",   "Decode", "DecodeParms",
        "OC",    "F",    "SMaskInData", "Matte",  NULL};
    struct pdf_value known = pdf_get(f, p->resources, "XObject");
    struct pdf_value dict = pdf_get(f, known, name + 1);
    struct pdf_value space = pdf_get(f, dict, "ColorSpace");
    out->channels = pdf_is_name(space, "DeviceRGB")    ? 3
                    : pdf_is_name(space, "DeviceGray") ? 1
                                                       : 0;
    return out->channels && pdf_is_name(pdf_get(f, dict, "Subtype"), "Image") &&
           pdf_is_name_alone(pdf_get(f, dict, "Filter"), "DCTDecode") &&
           !has_any(f, dict, strange) &&
           pdf_stream(f, dict, &out->jpeg, &out->size);
}

bool pdf_scan_find(const struct pdf_file *f, int number, struct pdf_scan *out)
{
    static const char *const strange[] = {"Annots", "UserUnit", NULL};
    struct pdf_page page;
    struct drawn drawn;
    double box[4];
    if (!pdf_page_find(f, number, &page) || has_any(f, page.dict, strange) ||
        !box_take(f, &page, box) || !content_read(f, &page, &drawn) ||
        !is_covered(box, drawn.matrix) ||
        !orientation_take(&page, &out->orientation) ||
        !picture_take(f, &page, drawn.name, out))
        return false;
    bool turned = out->orientation > 4;
    out->width = turned ? box[3] - box[1] : box[2] - box[0];
    out->height = turned ? box[2] - box[0] : box[3] - box[1];
    return true;
}
