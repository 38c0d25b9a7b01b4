#include "trainer/dataset/sample_pages.h"

#include "core/basic/alloc.h"
#include "trainer/pictures/picture.h"

#include <errno.h>
#include <stdlib.h>

bool is_shortage(int err)
{
    return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

bool sample_pages_first(struct page_range wanted)
{
    return wanted.last <= 1;
}

int sample_pages_find(struct sample_pages *out, struct sample *s, int root,
                      struct page_range wanted, struct reason *why)
{
    int total = 1;
    int err = picture_count_pages(root, s->path, &total, why);
    *out = (struct sample_pages){0};
    if (err == 0)
        err = picture_check_pages(wanted, total, why);
    if (is_shortage(err))
        return reason_prefix(why, "the picture '%s': ", s->path), err;
    if (err)
        s->fault = xstrdup(why->sentence);
    else if (total > 1)
        *out = (struct sample_pages){
            wanted.first,
            (wanted.last < total ? wanted.last : total) - wanted.first + 1};
    return 0;
}

/* How many pictures they become. */
static size_t pictures_of(const struct sample_pages *pages, int count)
{
    size_t n = 0;
    for (int i = 0; i < count; i++)
        n += pages[i].count ? (size_t)pages[i].count : 1;
    return n;
}

int sample_pages_take(struct sample **samples, int *count,
                      const struct sample_pages *pages, struct reason *why)
{
    struct sample *files = *samples, *all;
    size_t most = pictures_of(pages, *count);
    int n = 0;
    if (most > SAMPLES_MOST)
        return refuse(why, EFBIG, "the files have more than %d pages",
                      SAMPLES_MOST);
    all = xmalloc((most + 1) * sizeof *all);
    for (int i = 0; i < *count; i++) {
        if (!pages[i].count) {
            all[n++] = files[i];
            files[i] = (struct sample){0};
        }
        for (int k = 0; k < pages[i].count; k++)
            all[n++] = sample_of_page(files[i].path, pages[i].first + k,
                                      files[i].label);
    }
    samples_free(files, *count);
    *samples = all;
    *count = n;
    return 0;
}
