#include "trainer/data/loader_scan.h"

#include "core/basic/alloc.h"
#include "trainer/data/decoded.h"
#include "trainer/dataset/reading.h"
#include "trainer/dataset/sample_pages.h"
#include "trainer/pictures/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is done with each picture. */
struct reading {
    struct scan *scan;
    struct decoded *decoded; /* NULL = nothing was decoded before, or will be
                                kept */
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

/* Decodes an open file, and closes it. `pixels` may be NULL. */
static int picture_decode_open(const struct reading *r, int page, int fd,
                               struct decoded_facts *facts, uint8_t *pixels,
                               bool *drawn, struct reason *why)
{
    struct picture picture = PICTURE_INIT;
    int err = picture_read_open(&picture, fd, page, r->side, why);
    if (err == 0) {
        *facts = (struct decoded_facts){.width = picture.full_width,
                                        .height = picture.full_height,
                                        .more_pages = picture.more_pages};
        picture_hash(&picture, facts->hash);
        *drawn = picture.drawn;
        if (pixels)
            err = picture_resize(&picture, r->side, pixels, why);
    }
    picture_release(&picture);
    return err;
}

/* Takes an open file from what was decoded before, or decodes it for others;
 * closes it. */
static int picture_take_kept(const struct reading *r, const struct sample *s,
                             int fd, struct decoded_facts *facts,
                             uint8_t *pixels, struct reason *why)
{
    struct decoded_file file;
    bool drawn = false;
    decoded_look(&file, fd, dataset_relative(r->scan->dataset, s->path),
                 s->page);
    bool found = decoded_find(r->decoded, &file, facts, pixels);
    int err = 0;
    if (found)
        close(fd);
    else
        err = picture_decode_open(r, s->page, fd, facts, pixels, &drawn, why);
    if (err == 0 && !drawn)
        decoded_keep(r->decoded, &file, facts, pixels, found);
    return err;
}

/* Reads a picture, unless it is known that it can't be read. `pixels` is NULL
 * where they are not to be kept in memory. */
static int facts_take(const struct reading *r, const struct sample *s,
                      uint8_t *pixels, struct decoded_facts *facts,
                      struct reason *why)
{
    bool drawn;
    uint8_t *spare = NULL;
    if (s->fault)
        return refuse(why, EINVAL, "%s", s->fault);
    int fd = picture_open_within(r->scan->dataset->dir, s->path, why);
    if (fd < 0)
        return fd;
    if (!pixels && r->decoded)
        pixels = spare = malloc(picture_bytes(r->side));
    int err =
        r->decoded && pixels
            ? picture_take_kept(r, s, fd, facts, pixels, why)
            : picture_decode_open(r, s->page, fd, facts, pixels, &drawn, why);
    free(spare);
    return err;
}

/* A shortage is not the picture's fault, which may be readable a moment later:
 * it ends the reading instead of counting the picture as unreadable. */
static int picture_take(void *context, int i, struct reason *why)
{
    const struct reading *r = context;
    const struct sample *s = scan_sample(r->scan, i);
    struct scanned *p = &r->scan->pictures[i];
    struct decoded_facts facts;
    uint8_t *pixels = NULL;
    if (i < r->kept)
        pixels = r->scan->cache + (size_t)i * picture_bytes(r->side);
    int err = facts_take(r, s, pixels, &facts, why);
    if (err == 0) {
        p->width = facts.width;
        p->height = facts.height;
        p->more_pages = facts.more_pages && !s->page;
        memcpy(p->hash, facts.hash, sizeof p->hash);
        p->pixels = pixels;
    } else if (!is_shortage(err)) {
        p->fault = strdup(why->sentence);
        err = p->fault ? 0 : refuse(why, ENOMEM, "no memory for a reason");
    } else {
        reason_prefix(why, "the picture '%s': ", sample_name(s));
    }
    return err;
}

static int scan_read(struct scan *s, const struct loader_options *o, int kept,
                     struct reason *why)
{
    struct reading r = {
        .scan = s, .decoded = o->decoded, .side = o->side, .kept = kept};
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
