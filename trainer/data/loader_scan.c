#include "trainer/data/loader_scan.h"

#include "core/basic/alloc.h"
#include "trainer/data/reading.h"
#include "trainer/data/sample_pages.h"
#include "trainer/pictures/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is done with each picture. */
struct reading {
    struct scan *scan;
    int side;
    int kept; /* the first so many pictures go into the cache */
};

const struct sample *scan_sample(const struct scan *s, int i)
{
    int train = s->dataset->train_count;
    return i < train ? &s->dataset->train[i] : &s->dataset->test[i - train];
}

bool scan_is_test(const struct scan *s, int i)
{
    return i >= s->dataset->train_count;
}

void scan_release(struct scan *s)
{
    for (int i = 0; s->pictures && i < s->count; i++)
        free(s->pictures[i].fault);
    free(s->pictures);
    free(s->cache);
    *s = (struct scan){0};
}

static size_t picture_bytes(int side)
{
    return (size_t)side * (size_t)side * 3;
}

/* Reads a picture, unless it is known that it can't be read. */
static int picture_read_sample(struct picture *out, const struct reading *r,
                               const struct sample *s, struct reason *why)
{
    if (s->fault)
        return refuse(why, EINVAL, "%s", s->fault);
    return picture_read_within(out, r->scan->dataset->dir, s->path, s->page,
                               r->side, why);
}

/* A shortage is not the picture's fault, which may be readable a moment later:
 * it ends the reading instead of counting the picture as unreadable. */
static int picture_take(void *context, int i, struct reason *why)
{
    const struct reading *r = context;
    const struct sample *s = scan_sample(r->scan, i);
    struct scanned *p = &r->scan->pictures[i];
    struct picture picture = PICTURE_INIT;
    int err = picture_read_sample(&picture, r, s, why);
    if (err == 0) {
        p->width = picture.full_width;
        p->height = picture.full_height;
        p->more_pages = picture.more_pages && !s->page;
        picture_hash(&picture, p->hash);
        if (i < r->kept) {
            uint8_t *to = r->scan->cache + (size_t)i * picture_bytes(r->side);
            err = picture_resize(&picture, r->side, to, why);
            p->pixels = to;
        }
    }
    picture_release(&picture);
    if (err && !is_shortage(err)) {
        p->fault = strdup(why->sentence);
        err = p->fault ? 0 : refuse(why, ENOMEM, "no memory for a reason");
    } else if (err) {
        reason_prefix(why, "the picture '%s': ", sample_name(s));
    }
    return err;
}

static int scan_read(struct scan *s, const struct loader_options *o, int kept,
                     struct reason *why)
{
    struct reading r = {.scan = s, .side = o->side, .kept = kept};
    const struct reading_options options = {o->workers, o->tick, o->context};
    return reading_run(s->count, &options, picture_take, &r, why);
}

int scan_open(struct scan *s, const struct dataset *d,
              const struct loader_options *options, struct reason *why)
{
    size_t bytes = picture_bytes(options->side);
    int count = d->train_count + d->test_count;
    *s = (struct scan){.dataset = d, .count = count};
    uint64_t room = options->memory / bytes;
    int kept = room < (uint64_t)count ? (int)room : count;
    s->pictures = calloc((size_t)count + 1, sizeof *s->pictures);
    s->cache = malloc((size_t)kept * bytes + 1);
    int err = s->pictures && s->cache
                  ? scan_read(s, options, kept, why)
                  : refuse(why, ENOMEM, "no memory for %d pictures of %d x %d",
                           kept, options->side, options->side);
    if (err)
        scan_release(s);
    return err;
}

void scan_draw(struct scan *s, struct dataset *d)
{
    if (!d->drawn)
        return;
    size_t room = (size_t)s->count + 1;
    bool *good = xmalloc(room * sizeof *good);
    int *from = xmalloc(room * sizeof *from);
    struct scanned *pictures = xmalloc(room * sizeof *pictures);
    for (int i = 0; i < s->count; i++)
        good[i] = !s->pictures[i].fault;
    dataset_draw(d, good, from);
    for (int i = 0; i < s->count; i++)
        pictures[i] = s->pictures[from[i]];
    free(s->pictures);
    s->pictures = pictures;
    free(from);
    free(good);
}
