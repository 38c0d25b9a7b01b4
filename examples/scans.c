/*
 * scans: makes a dataset of pictures that look like scanned documents.
 *
 *   scans OUT_DIR [TRAIN_PER_CLASS [TEST_PER_CLASS]] [--dpi N] [--from DIR]
 *
 * makes OUT_DIR/train/CLASS/0001.jpg … and, with a TEST_PER_CLASS above 0,
 * OUT_DIR/test/CLASS/0001.jpg …: A4 pages in colour, at N dots an inch, of the
 * classes letter, invoice, form and report (papers.h). A page is drawn (page.h)
 * and then looked at as a scanner does: a little turned, shifted, unevenly lit
 * and noisy. All that is random depends on nothing but the class, the part and
 * the picture's number; so the same arguments and fonts always make the same
 * files.
 */
#include "papers.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DPI_MIN = 25, DPI_MAX = 600, QUALITY = 85 };

static const char *const part_names[] = {"train", "test"};

struct options {
    const char *out, *from;
    int per_class[2];
    int dpi;
};

/* The sequences of random numbers of a picture. */
enum { LAYOUT, SCANNING };

/* One picture */

/* How a scanner sees a page. */
struct view {
    double slope; /* by how much the page is turned, as a tangent */
    double x, y;  /* by how much it is shifted, in pixels */
    double shade; /* how much lighter each column is than the one before */
    int noise;    /* 1 to 4 */
};

static struct view choose_view(struct page *p)
{
    struct view v;
    double shift = page_pixels(p, 2);
    v.slope = tan(page_between(p, -0.0174, 0.0174));
    v.x = page_between(p, -shift, shift);
    v.y = page_between(p, -shift, shift);
    v.shade = page_between(p, -12, 12) / p->picture.width;
    v.noise = page_count(p, 1, 4);
    return v;
}

static int clamp(int value, int most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

/* Shifts rows and columns as a whole. For an angle of at most a degree that is
 * as good as a rotation, and needs no interpolation. */
static void scan_row(struct page *p, const struct view *v, int y, uint8_t *to)
{
    const struct picture *from = &p->picture;
    int left = (int)lround(v->x - (y - from->height / 2) * v->slope);
    double top = y + v->y - from->width / 2 * v->slope;
    uint32_t bits = 0;
    for (int x = 0; x < from->width; x++, bits >>= 8) {
        int row = clamp((int)(top + x * v->slope), from->height - 1);
        int column = clamp(x + left, from->width - 1);
        const uint8_t *at =
            from->pixels + 3 * ((size_t)row * from->width + column);
        if (x % 4 == 0)
            bits = random_u32(&p->random);
        int noise = ((int)(bits & 7) + (int)(bits >> 3 & 7) - 7) * v->noise / 4;
        int light = (int)(v->shade * (x - from->width / 2)) + noise;
        for (int i = 0; i < 3; i++)
            *to++ = (uint8_t)clamp(at[i] + light, 255);
    }
}

static void scan(struct page *p, struct picture *to)
{
    struct view view = choose_view(p);
    for (int y = 0; y < to->height; y++)
        scan_row(p, &view, y, to->pixels + 3 * (size_t)y * to->width);
}

static struct picture picture_of(int dpi)
{
    int width = (int)lround(PAGE_WIDTH * dpi / 25.4);
    int height = (int)lround(PAGE_HEIGHT * dpi / 25.4);
    uint8_t *pixels = malloc((size_t)width * height * 3);
    if (!pixels)
        abort();
    return (struct picture){pixels, width, height, .channels = 3, .dpi = dpi};
}

struct work {
    const struct options *options;
    struct fonts fonts;
    struct picture page, scan;
};

static int make_picture(const struct work *w, int kind, int part, int number)
{
    const struct options *o = w->options;
    uint32_t a = (uint32_t)part, b = (uint32_t)number;
    struct page page = {.picture = w->page};
    struct picture out = w->scan;
    random_open(&page.random, (uint64_t)kind, a, b, LAYOUT);
    page_start(&page, &w->fonts);
    papers[kind].draw(&page);
    random_open(&page.random, (uint64_t)kind, a, b, SCANNING);
    scan(&page, &out);
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s/%04d.jpg", o->out, part_names[part],
             papers[kind].name, number);
    return write_jpeg(&out, QUALITY, path);
}

/* All of them */

static int make_folders(const struct options *o, int part)
{
    int err = make_part(o->out, part_names[part]);
    for (const struct paper *k = papers; k->name && !err; k++)
        err = make_class(o->out, part_names[part], k->name);
    return err;
}

static int make_pictures(const struct work *w, int part)
{
    for (int kind = 0; papers[kind].name; kind++)
        for (int i = 1; i <= w->options->per_class[part]; i++)
            if (make_picture(w, kind, part, i))
                return -1;
    return 0;
}

/* Keeps the fonts that have all characters of our words. */
static int choose_fonts(struct fonts *f, const char *dir)
{
    int kept = 0;
    for (int i = 0; i < f->count; i++)
        if (page_font_serves(f->faces[i]))
            f->faces[kept++] = f->faces[i];
    f->count = kept;
    errno = 0;
    return kept ? 0 : fail("no font with Latin letters below", dir);
}

static int make_all(struct work *w)
{
    const struct options *o = w->options;
    int err = choose_fonts(&w->fonts, o->from);
    for (int part = 0; part < 2 && !err; part++)
        if (o->per_class[part])
            err = make_folders(o, part) || make_pictures(w, part);
    return err;
}

/* Arguments */

static const char usage[] =
    "usage: scans OUT_DIR [TRAIN_PER_CLASS [TEST_PER_CLASS]] [--dpi N]\n"
    "             [--from DIR]\n"
    "\n"
    "Makes OUT_DIR/train/CLASS/0001.jpg ... and OUT_DIR/test/CLASS/...: A4\n"
    "pages of letters, invoices, forms and reports that look like scans; by\n"
    "default 18 pictures a class, and 6 for testing.\n"
    "\n"
    "  --dpi N     dots an inch, 25 to 600 (300: 2480 x 3508 pixels)\n"
    "  --from DIR  where the fonts are (/usr/share/fonts)\n";

static bool read_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {
        {"dpi", required_argument, NULL, 'd'},
        {"from", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == 'f')
            o->from = optarg;
        else if (c == 'h')
            exit(fputs(usage, stdout) < 0);
        else if (c != 'd' || !read_number(optarg, DPI_MIN, DPI_MAX, &o->dpi))
            return false;
    }
    char **words = argv + optind;
    o->out = words[0];
    return read_counts(argc - optind - 1, words + 1, 9999, 9999, o->per_class);
}

int main(int argc, char **argv)
{
    struct options o = {
        .from = "/usr/share/fonts", .per_class = {18, 6}, .dpi = 300};
    if (!read_options(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    struct work w = {
        .options = &o, .page = picture_of(o.dpi), .scan = picture_of(o.dpi)};
    int err = fonts_open(&w.fonts, o.from);
    if (!err) {
        err = make_all(&w);
        fonts_close(&w.fonts);
    }
    free(w.page.pixels);
    free(w.scan.pixels);
    return err ? 1 : 0;
}
