#include "trainer/serve/page_walk.h"

#include "core/evaluation/evaluation.h"
#include "core/report/journal.h"
#include "trainer/data/loader.h"
#include "trainer/pictures/picture.h"

#include <errno.h>

struct taking {
    struct page_walk *walk;
    int side;
    float *images;
};

/* Pictures with much in them get smaller ones: what the journal takes is
 * bounded. None at all is no fault. */
static void thumbnail_take(struct page_walk *w, const struct picture *page)
{
    enum { SMALLEST = THUMBNAIL_SIDE / 4 };
    w->thumbnail_wanted = false;
    for (int side = THUMBNAIL_SIDE; side >= SMALLEST; side /= 2) {
        thumbnail_release(&w->thumbnail);
        if (thumbnail_make(page, side, &w->thumbnail) == 0 &&
            w->thumbnail.base64.size <= JOURNAL_THUMBNAIL_MAX)
            return;
    }
    thumbnail_release(&w->thumbnail);
}

static int image_take(void *context, struct picture *page, int number,
                      struct reason *why)
{
    struct taking *t = context;
    size_t input = 3 * (size_t)t->side * (size_t)t->side;
    float *image = t->images + (size_t)t->walk->read * input;
    (void)number;
    int err = loader_picture_take(page, t->side, image, why);
    if (err == 0 && t->walk->thumbnail_wanted)
        thumbnail_take(t->walk, page);
    t->walk->read += err == 0;
    return err;
}

void page_walk_begin(struct page_walk *w, struct page_range wanted)
{
    *w = (struct page_walk){.wanted = wanted, .next = wanted.first};
}

void page_walk_release(struct page_walk *w)
{
    thumbnail_release(&w->thumbnail);
}

int page_walk_too_long(struct reason *why)
{
    return refuse(why, EFBIG, "takes longer to read than %d minutes",
                  PAGES_SECONDS / 60);
}

int page_walk_read(struct page_walk *w, const uint8_t *data, size_t size,
                   int side, float *images, int most, struct reason *why)
{
    struct taking t = {w, side, images};
    int left = w->wanted.last - w->next, total = 0;
    const struct pages_wanted wanted = {
        .side = side,
        .first = w->next,
        .count = left < most - 1 ? left + 1 : most,
    };
    w->read = 0;
    int err = picture_pages(data, size, &wanted, image_take, &t, &total, why);
    if (err == 0)
        err = picture_check_pages(w->wanted, total, why);
    w->next += w->read;
    if (err || w->next > w->wanted.last || w->next > total || !w->read)
        w->next = 0;
    return err;
}
