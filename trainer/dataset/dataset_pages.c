#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "trainer/dataset/dataset.h"
#include "trainer/dataset/reading.h"
#include "trainer/dataset/sample_pages.h"

#include <stdlib.h>

/* What is done with each file. */
struct counting {
    struct dataset *dataset;
    struct page_range wanted;
    struct sample_pages *pages; /* those of the training part come first */
};

static int file_count(void *context, int i, struct reason *why)
{
    const struct counting *c = context;
    const struct dataset *d = c->dataset;
    struct sample *s =
        i < d->train_count ? &d->train[i] : &d->test[i - d->train_count];
    return sample_pages_find(&c->pages[i], s, d->dir, c->wanted, why);
}

static void pages_tell(const struct counting *c, int files)
{
    int n = 0, pages = 0;
    for (int i = 0; i < files; i++) {
        n += c->pages[i].count > 0;
        pages += c->pages[i].count;
    }
    if (n)
        dataset_note(c->dataset, NC_("dataset", "pages"),
                     P_("%d file has several, of which %d are taken",
                        "%d files have several, of which %d are taken", n),
                     n, pages);
}

int dataset_take_pages(struct dataset *d, struct page_range wanted,
                       const struct reading_options *options,
                       struct reason *why)
{
    int train = d->train_count, count = train + d->test_count;
    struct counting c = {.dataset = d, .wanted = wanted};
    if (sample_pages_first(wanted))
        return 0;
    c.pages = xcalloc((size_t)count + 1, sizeof *c.pages);
    int err = reading_run(count, options, file_count, &c, why);
    if (err == 0)
        pages_tell(&c, count);
    if (err == 0)
        err = sample_pages_take(&d->train, &d->train_count, c.pages, why);
    if (err == 0)
        err = sample_pages_take(&d->test, &d->test_count, c.pages + train, why);
    free(c.pages);
    return err;
}
