#include "trainer/pages/draw.h"
#include "trainer/pages/library.h"

#include <math.h>
#include <stdio.h>

#include <poppler.h>

/* The functions that are used, by their names in the library. */
#define FUNCTIONS(X)                                                           \
    X(poppler_document_new_from_bytes)                                         \
    X(poppler_document_get_n_pages)                                            \
    X(poppler_document_get_page)                                               \
    X(poppler_error_quark)                                                     \
    X(poppler_page_get_size)                                                   \
    X(poppler_page_render)                                                     \
    X(g_bytes_new_static)                                                      \
    X(g_error_free)                                                            \
    X(g_object_unref)                                                          \
    X(cairo_image_surface_create_for_data)                                     \
    X(cairo_surface_flush)                                                     \
    X(cairo_surface_destroy)                                                   \
    X(cairo_create)                                                            \
    X(cairo_destroy)                                                           \
    X(cairo_status)                                                            \
    X(cairo_scale)                                                             \
    X(cairo_set_source_rgb)                                                    \
    X(cairo_paint)

static struct {
    bool loaded;
    FUNCTIONS(LIBRARY_FIELD)
} lib; /* of the process, which draws and does nothing else */

bool draw_load(void)
{
    static const struct library_symbol symbols[] = {
        FUNCTIONS(LIBRARY_SYMBOL){0}};
    if (!lib.loaded)
        lib.loaded = library_load("libpoppler-glib.so.8", symbols);
    return lib.loaded;
}

/* Documents */

static PopplerDocument *poppler(struct document *d)
{
    return (PopplerDocument *)(void *)d;
}

struct document *document_open(const uint8_t *data, size_t size, bool *locked,
                               char message[200])
{
    GError *error = NULL;
    GBytes *bytes = lib.g_bytes_new_static(data, size);
    PopplerDocument *d =
        lib.poppler_document_new_from_bytes(bytes, NULL, &error);
    *locked = error && error->domain == lib.poppler_error_quark() &&
              error->code == POPPLER_ERROR_ENCRYPTED;
    snprintf(message, 200, "%s", error ? error->message : "");
    if (error)
        lib.g_error_free(error);
    return (struct document *)(void *)d;
}

int document_pages(struct document *d)
{
    return lib.poppler_document_get_n_pages(poppler(d));
}

static void page_measure(PopplerPage *p, int side, struct drawn_page *page,
                         double points[2])
{
    lib.poppler_page_get_size(p, &points[0], &points[1]);
    page->full_width = drawn_pixels(points[0]);
    page->full_height = drawn_pixels(points[1]);
    page->width = side > 0 ? side : page->full_width;
    page->height = side > 0 ? side : page->full_height;
    if (page->width > DRAWN_SIDE_MAX)
        page->width = DRAWN_SIDE_MAX;
    if (page->height > DRAWN_SIDE_MAX)
        page->height = DRAWN_SIDE_MAX;
}

static bool page_paint(PopplerPage *p, const struct drawn_page *page,
                       const double points[2], uint32_t *pixels)
{
    cairo_surface_t *s = lib.cairo_image_surface_create_for_data(
        (unsigned char *)pixels, CAIRO_FORMAT_RGB24, page->width, page->height,
        page->width * 4);
    cairo_t *c = lib.cairo_create(s);
    lib.cairo_set_source_rgb(c, 1, 1, 1);
    lib.cairo_paint(c);
    lib.cairo_scale(c, page->width / points[0], page->height / points[1]);
    lib.poppler_page_render(p, c);
    bool good = lib.cairo_status(c) == CAIRO_STATUS_SUCCESS;
    lib.cairo_surface_flush(s);
    lib.cairo_destroy(c);
    lib.cairo_surface_destroy(s);
    return good;
}

bool document_draw(struct document *d, int side, struct drawn_page *page,
                   uint32_t *pixels, char message[200])
{
    double points[2];
    PopplerPage *p =
        lib.poppler_document_get_page(poppler(d), page->number - 1);
    *message = 0;
    if (!p)
        return false;
    page_measure(p, side, page, points);
    bool good = points[0] > 0 && points[1] > 0 && isfinite(points[0]) &&
                isfinite(points[1]);
    if (good && side >= 0)
        good = page_paint(p, page, points, pixels);
    if (side < 0)
        page->width = page->height = 0;
    lib.g_object_unref(p);
    return good;
}
