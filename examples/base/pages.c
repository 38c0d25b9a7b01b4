/*
 * pages: draws pages of a PDF file as pictures to learn from.
 *
 *   pages OUT_DIR CLASS PDF [MOST [VIEWS]] [--plain]
 *
 * makes OUT_DIR/train/CLASS/0001-0.jpg … from at most MOST pages, spread over
 * the document. Of each there are VIEWS pictures: the first shows the whole
 * page, the others pieces of it, all as a scanner or a copier would have seen
 * them (view.h). One page in ten goes to OUT_DIR/test/CLASS instead, as a
 * whole. With --plain, pages are shown whole and as they are, in 0001-plain.jpg
 * and so on, and those that are for testing are left out. Pages without ink are
 * left out, and so are documents with fewer than PAGES_MIN pages, which is no
 * error. What is random depends on nothing but the class and the page.
 */
#include "examples/base/view.h"
#include "examples/picture_out.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <poppler.h>

enum {
    PAGES_MIN = 8,
    DRAWN = 512,    /* pixels along a side of a page */
    SIDE = 128,     /* and of a picture */
    TEST_EACH = 10, /* one page in so many is for testing */
    PLAIN_QUALITY = 90,
    PATH_BYTES = 4096,
};

struct job {
    const char *out, *name;
    int most, views;
    bool plain;
    cairo_surface_t *surface; /* DRAWN x DRAWN */
    uint8_t *seen;            /* RGB, SIDE x SIDE */
};

static int folder_make(const char *out, const char *part, const char *name)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", out, part);
    if (mkdir(path, 0777) && errno != EEXIST)
        return fail("cannot make", path);
    snprintf(path, sizeof path, "%s/%s/%s", out, part, name);
    return mkdir(path, 0777) && errno != EEXIST ? fail("cannot make", path) : 0;
}

/* Draws the page onto all of the square, whatever its shape is. */
static void page_draw(const struct job *j, PopplerPage *page)
{
    double width, height;
    poppler_page_get_size(page, &width, &height);
    cairo_t *c = cairo_create(j->surface);
    cairo_set_source_rgb(c, 1, 1, 1);
    cairo_paint(c);
    cairo_scale(c, DRAWN / width, DRAWN / height);
    poppler_page_render(page, c);
    cairo_destroy(c);
    cairo_surface_flush(j->surface);
}

/* A view of -1 is the plain one. */
static void path_print(const struct job *j, const char *part, int page,
                       int view, char path[PATH_BYTES])
{
    char which[16] = "plain";
    if (view >= 0)
        snprintf(which, sizeof which, "%d", view);
    snprintf(path, PATH_BYTES, "%s/%s/%s/%04d-%s.jpg", j->out, part, j->name,
             page + 1, which);
}

static bool is_for_testing(const struct job *j, int page)
{
    char path[PATH_BYTES];
    path_print(j, "test", page, 0, path);
    return access(path, F_OK) == 0;
}

static int view_write(const struct job *j, int page, int view, bool test)
{
    struct picture p = {j->seen, SIDE, SIDE, .channels = 3};
    struct source s = {cairo_image_surface_get_data(j->surface), DRAWN,
                       cairo_image_surface_get_stride(j->surface)};
    uint32_t class =
        (uint32_t)crc32_z(0, (const Bytef *)j->name, strlen(j->name));
    struct random random;
    random_open(&random, class, (uint32_t)page, (uint32_t)view, 0);
    int quality = PLAIN_QUALITY;
    if (j->plain)
        view_plain(&s, &p);
    else
        quality = view_scanned(&s, &p, view > 0, &random);
    char path[PATH_BYTES];
    path_print(j, test ? "test" : "train", page, j->plain ? -1 : view, path);
    return write_jpeg(&p, quality, path);
}

static int page_take(const struct job *j, PopplerDocument *doc, int number,
                     bool test)
{
    PopplerPage *page = poppler_document_get_page(doc, number);
    if (!page)
        return 0;
    page_draw(j, page);
    g_object_unref(page);
    struct source s = {cairo_image_surface_get_data(j->surface), DRAWN,
                       cairo_image_surface_get_stride(j->surface)};
    if (view_is_blank(&s))
        return 0;
    int views = test ? 1 : j->views, err = 0;
    for (int v = 0; v < views && !err; v++)
        err = view_write(j, number, v, test);
    return err;
}

static int document_take(const struct job *j, PopplerDocument *doc)
{
    int pages = poppler_document_get_n_pages(doc);
    int take = pages < j->most ? pages : j->most;
    if (pages < PAGES_MIN)
        return 0;
    int err = folder_make(j->out, "train", j->name);
    if (!j->plain && !err)
        err = folder_make(j->out, "test", j->name);
    for (int i = 0; i < take && !err; i++) {
        bool test = !j->plain && i % TEST_EACH == TEST_EACH / 2;
        int number = (int)((long)i * pages / take);
        if (!j->plain || !is_for_testing(j, number))
            err = page_take(j, doc, number, test);
    }
    return err;
}

static PopplerDocument *document_open(const char *path)
{
    char *whole = realpath(path, NULL);
    GError *error = NULL;
    char *uri = whole ? g_filename_to_uri(whole, NULL, &error) : NULL;
    PopplerDocument *doc =
        uri ? poppler_document_new_from_file(uri, NULL, &error) : NULL;
    errno = 0;
    if (!doc)
        fail(error ? error->message : "cannot open", path);
    g_clear_error(&error);
    g_free(uri);
    free(whole);
    return doc;
}

static const char usage[] =
    "usage: pages OUT_DIR CLASS PDF [MOST [VIEWS]] [--plain]\n";

static bool arguments_take(struct job *j, int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[argc - 1], "--plain")) {
        j->plain = true;
        j->views = 1;
        argc--;
    }
    if (argc < 4 || argc > 6)
        return false;
    j->out = argv[1];
    j->name = argv[2];
    return (argc < 5 || read_number(argv[4], 1, 9999, &j->most)) &&
           (argc < 6 || read_number(argv[5], 1, 100, &j->views));
}

int main(int argc, char **argv)
{
    struct job j = {.most = 12, .views = 3};
    if (!arguments_take(&j, argc, argv))
        return fputs(usage, stderr), 2;
    PopplerDocument *doc = document_open(argv[3]);
    if (!doc)
        return 1;
    j.surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, DRAWN, DRAWN);
    j.seen = malloc((size_t)SIDE * SIDE * 3);
    int err = j.seen ? document_take(&j, doc) : -1;
    free(j.seen);
    cairo_surface_destroy(j.surface);
    g_object_unref(doc);
    return err ? 1 : 0;
}
