/* PDF files: what the libraries say of them, that read and draw in a process of
 * its own, comes back as pages that are sound or as an error with its reason,
 * whatever becomes of that process; and the next document is drawn as if
 * nothing had been. */
#include "tests/fuzz/fuzz.h"

#include "trainer/pages/drawer.h"
#include "trainer/pages/scan.h"

#include <stdbool.h>
#include <stdlib.h>

enum { SIDE = 24, PAGES = 3 };

/* A page of which the left half is black. */
static const char good[] =
    "%PDF-1.4\n"
    "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 8 8]/Contents 4 0 "
    "R>>endobj\n"
    "4 0 obj<</Length 12>>stream\n0 0 4 8 re f\nendstream endobj\n"
    "trailer<</Root 1 0 R>>\n";

static int must_be_good(void *context, const struct drawn_page *page,
                        struct reason *why)
{
    (void)why;
    if (page->of != 1 || (page->pixels[0] & 0xFFFFFF) != 0 ||
        (page->pixels[SIDE - 1] & 0xFFFFFF) != 0xFFFFFF)
        abort();
    ++*(int *)context;
    return 0;
}

static void good_draw(void)
{
    const struct drawing d = {
        (const uint8_t *)good, sizeof good - 1, SIDE, 1, PAGES, true, NULL};
    struct reason why = REASON_INIT;
    int drawn = 0, total;
    if (draw_pages(&d, must_be_good, &drawn, &total, &why) || drawn != 1 ||
        total != 1)
        abort();
}

/* Looks at each pixel: a sanitizer sees those that are not there. */
static int take(void *context, const struct drawn_page *page,
                struct reason *why)
{
    int *taken = context;
    uint32_t all = 0;
    (void)why;
    if (page->number != ++*taken || *taken > PAGES || page->of < 1 ||
        page->full_width < 1 || page->full_height < 1)
        abort();
    for (int i = 0; i < page->width * page->height; i++)
        all |= page->pixels[i];
    for (size_t i = 0; page->scan.jpeg && i < page->scan.size; i++)
        all |= page->scan.jpeg[i];
    return all > 0xFFFFFFFFu;
}

static void draw(const uint8_t *data, size_t size, int side, bool scans)
{
    const struct drawing d = {data, size, side, 1, PAGES, scans, NULL};
    struct reason why = REASON_INIT;
    int taken = 0, total;
    int err = draw_pages(&d, take, &taken, &total, &why);
    if (err == 0 ? total < 1 || taken != (total < PAGES ? total : PAGES)
                 : !why.sentence[0])
        abort();
}

/* Looks for scans in it, in this process, so that it is seen what runs. */
static void look(const uint8_t *data, size_t size)
{
    struct pdf_file *f = pdf_open(data, size);
    struct drawn_page page;
    for (int i = 1; f && i <= PAGES; i++)
        if (scan_find(f, i, &page)) {
            const struct scan *s = &page.scan;
            if (page.full_width < 1 || page.full_height < 1 || s->width < 1 ||
                s->height < 1 || s->orientation < 1 || s->orientation > 8 ||
                (s->channels != 1 && s->channels != 3) || !s->size)
                abort();
            free(s->jpeg);
        }
    pdf_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    if (!started)
        drawers_start();
    started = true;
    look(data, size);
    draw(data, size, SIDE, true);
    draw(data, size, SIDE, false);
    draw(data, size, -1, false);
    good_draw();
    return 0;
}
