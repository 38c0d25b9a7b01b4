/*
 * The caller puts batches into the rings of the two parts; workers take picture
 * after picture from them and prepare it. The caller borrows a batch when it is
 * complete, and when it asks for the next one, puts a further batch in the
 * place of the one it had. Only the caller decides which batches are in the
 * rings.
 */
#include "core/basic/alloc.h"
#include "trainer/data/loader_part.h"
#include "trainer/dataset/kept.h"
#include "trainer/dataset/reading.h"
#include "trainer/pictures/picture.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS_MOST = 16 };

struct loader {
    struct loader_options options;
    struct scan scan;
    struct loader_findings findings;
    /* The lock guards `live`, `taken`, `done` and `err` of each batch in the
     * rings. A picture that is taken and not done belongs to the thread that
     * took it. Only the caller uses the rest of the parts. */
    struct part train, test;
    pthread_mutex_t lock;
    pthread_cond_t work;  /* there is a picture to take, or `quit` is set */
    pthread_cond_t done;  /* no thread has a picture of some batch any more */
    bool quit;            /* guarded by lock */
    struct batch *urgent; /* guarded by lock; the one the caller waits for */
    pthread_t *threads;
    int started;
    uint8_t *spare; /* [side, side, 3], for the caller's own work */
};

static size_t image_size(const struct loader *l)
{
    return (size_t)l->options.side * (size_t)l->options.side * 3;
}

/* Preparing one picture, in any thread */

/* Below the folder `root`. */
static int pixels_read(int root, const struct sample *s, int side,
                       uint8_t *pixels, struct reason *why)
{
    struct picture picture = PICTURE_INIT;
    int err = picture_read_within(&picture, root, s->path, s->page, side, why);
    if (err == 0)
        err = picture_resize(&picture, side, pixels, why);
    picture_release(&picture);
    return err;
}

int loader_picture_take(const struct picture *picture, int side, float *image,
                        struct reason *why)
{
    uint8_t *pixels = malloc((size_t)side * (size_t)side * 3);
    if (!pixels)
        return refuse(why, ENOMEM, "no memory for %d x %d pixels", side, side);
    int err = picture_resize(picture, side, pixels, why);
    if (err == 0)
        augment_picture(pixels, side, 0, 0, 0, 0, image);
    free(pixels);
    return err;
}

int loader_picture(const char *path, int side, float *image, struct reason *why)
{
    struct picture picture = PICTURE_INIT;
    int err = picture_read(&picture, path, side, why);
    if (err == 0)
        err = loader_picture_take(&picture, side, image, why);
    picture_release(&picture);
    return err;
}

/* Prepares picture i of a batch. `spare`, [side, side, 3], takes the pixels of
 * a picture that is not in the cache. */
static int entry_prepare(const struct loader *l, const struct batch *b, int i,
                         uint8_t *spare, struct reason *why)
{
    const struct entry *e = b->entries[i];
    const struct loader_options *o = &l->options;
    const uint8_t *pixels = e->pixels;
    if (!pixels) {
        int err =
            pixels_read(l->scan.dataset->dir, e->sample, o->side, spare, why);
        if (err) {
            reason_prefix(why, "the picture '%s' could be read before, now it ",
                          sample_name(e->sample));
            return err;
        }
        pixels = spare;
    }
    bool varied = b->training && b->epoch < LOADER_PLAIN;
    augment_picture(pixels, o->side, varied ? o->augment : 0, o->seed, b->epoch,
                    e->index, b->images + (size_t)i * image_size(l));
    return 0;
}

/* Threads */

static bool batch_open(const struct batch *b)
{
    return b->live && b->taken < b->count;
}

static struct batch *part_earliest(struct part *part)
{
    struct batch *best = NULL;
    for (int i = 0; i < RING; i++) {
        struct batch *b = &part->ring[i];
        if (batch_open(b) &&
            (!best || b->epoch < best->epoch ||
             (b->epoch == best->epoch && b->step < best->step)))
            best = b;
    }
    return best;
}

/* Chooses a batch with a picture to take: the one that the caller waits for, or
 * else the one that is needed first. */
static struct batch *batch_choose(struct loader *l)
{
    if (l->urgent && batch_open(l->urgent))
        return l->urgent;
    struct batch *b = part_earliest(&l->train);
    return b ? b : part_earliest(&l->test);
}

/* Takes and prepares one picture; false = there is none to take. The caller
 * holds the lock, which is released while the picture is prepared. */
static bool loader_work(struct loader *l, uint8_t *spare)
{
    struct batch *b = batch_choose(l);
    if (!b)
        return false;
    int i = b->taken++;
    pthread_mutex_unlock(&l->lock);
    struct reason why = REASON_INIT;
    int err = entry_prepare(l, b, i, spare, &why);
    pthread_mutex_lock(&l->lock);
    if (err && b->err == 0) {
        b->err = err;
        b->why = why;
    }
    b->done++;
    if (b->done == b->taken)
        pthread_cond_signal(&l->done);
    return true;
}

static void *worker_run(void *context)
{
    struct loader *l = context;
    uint8_t *spare = malloc(image_size(l));
    if (!spare)
        return NULL; /* the caller of the loader does the work then */
    pthread_mutex_lock(&l->lock);
    while (!l->quit)
        if (!loader_work(l, spare))
            pthread_cond_wait(&l->work, &l->lock);
    pthread_mutex_unlock(&l->lock);
    free(spare);
    return NULL;
}

/* Batches. Only the loader's caller calls these, with the lock held. */

/* Takes all batches out of the ring, once no thread works on them. Setting
 * `count` to `taken` keeps workers from taking further pictures. */
static void part_cancel(struct loader *l, struct part *part)
{
    for (int i = 0; i < RING; i++) {
        struct batch *b = &part->ring[i];
        b->count = b->taken;
        while (b->done < b->taken)
            pthread_cond_wait(&l->done, &l->lock);
        b->live = false;
    }
}

static struct batch *part_request(struct loader *l, struct part *part,
                                  int epoch, int step)
{
    struct batch *b = part_find(part, epoch, step);
    if (b)
        return b;
    part_cancel(l, part);
    part_seek(part, epoch, step);
    for (int i = 0; i < RING; i++)
        part_next(part, &part->ring[i]);
    pthread_cond_broadcast(&l->work);
    return part_find(part, epoch, step);
}

static void batch_wait(struct loader *l, struct batch *b)
{
    l->urgent = b;
    while (b->done < b->count)
        if (!batch_open(b) || !loader_work(l, l->spare))
            pthread_cond_wait(&l->done, &l->lock);
    l->urgent = NULL;
}

static int part_get(struct loader *l, struct part *part, int epoch, int step,
                    struct loader_batch *out, struct reason *why)
{
    if (epoch < 0 || step < 0 || step >= part->steps)
        return refuse(why, EINVAL,
                      "there is no batch %d in epoch %d, it has "
                      "%d batches",
                      step, epoch, part->steps);
    pthread_mutex_lock(&l->lock);
    part_take_back(part);
    pthread_cond_broadcast(&l->work);
    struct batch *b = part_request(l, part, epoch, step);
    batch_wait(l, b);
    int err = b->err;
    if (err && why)
        *why = b->why;
    if (err)
        part_cancel(l, part); /* the next request reads the pictures again */
    else
        part->lent = b; /* it is complete: no thread writes to it */
    pthread_mutex_unlock(&l->lock);
    if (err == 0)
        *out = (struct loader_batch){b->count, b->images, b->labels,
                                     b->first, b->total,  b->spare};
    return err;
}

int loader_train(struct loader *l, int epoch, int step,
                 struct loader_batch *out, struct reason *why)
{
    return part_get(l, &l->train, epoch, step, out, why);
}

int loader_test(struct loader *l, int step, struct loader_batch *out,
                struct reason *why)
{
    return part_get(l, &l->test, 0, step, out, why);
}

void loader_whole(struct loader *l)
{
    struct part *const parts[] = {&l->train, &l->test};
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        part_cancel(l, parts[i]);
        parts[i]->lent = NULL;
        parts[i]->nodes = 1;
        parts[i]->node = 0;
    }
    pthread_mutex_unlock(&l->lock);
}

int loader_train_count(const struct loader *l)
{
    return l->train.count;
}

int loader_test_count(const struct loader *l)
{
    return l->test.count;
}

const struct sample *loader_train_sample(const struct loader *l, int i)
{
    return l->train.entries[i].sample;
}

const struct sample *loader_test_sample(const struct loader *l, int i)
{
    return l->test.entries[i].sample;
}

void loader_class_counts(const struct loader *l, int *counts)
{
    memset(counts, 0, (size_t)l->scan.dataset->classes * sizeof *counts);
    for (int i = 0; i < l->train.count; i++)
        counts[l->train.entries[i].sample->label]++;
}

int loader_train_steps(const struct loader *l)
{
    return l->train.steps;
}

int loader_test_steps(const struct loader *l)
{
    return l->test.steps;
}

const struct loader_findings *loader_findings(const struct loader *l)
{
    return &l->findings;
}

void loader_keep(const struct loader *l, struct text *out)
{
    const struct dataset *d = l->scan.dataset;
    kept_put_classes(d, out);
    for (int i = 0; i < l->scan.count; i++)
        if (!l->scan.pictures[i].fault)
            kept_put(d, scan_sample(&l->scan, i), l->scan.pictures[i].hash,
                     scan_is_test(&l->scan, i), out);
    kept_put_end(out);
}

/* Life cycle */

static int no_memory(struct reason *why)
{
    return refuse(why, ENOMEM, "no memory for the batches");
}

/* Pictures with which a training began are needed to continue it. */
static void gone_add(const struct loader *l, struct dataset *d)
{
    for (int i = 0; i < l->scan.count; i++)
        if (l->scan.pictures[i].fault)
            faults_add(
                &d->faults, FAULT_GONE,
                dataset_relative(d, sample_name(scan_sample(&l->scan, i))),
                l->scan.pictures[i].fault);
}

/* Where the test part was drawn, dataset_draw() has found what is missing. */
static void missing_add(const struct loader *l, struct dataset *d)
{
    int *counts = xcalloc((size_t)d->classes, sizeof *counts);
    bool *listed = xcalloc((size_t)d->classes, sizeof *listed);
    struct reason none = REASON_INIT;
    loader_class_counts(l, counts);
    for (int i = 0; i < d->train_count; i++)
        listed[d->train[i].label] = true;
    for (int i = 0; i < d->classes; i++)
        if (listed[i] && !counts[i])
            faults_add(&d->faults, FAULT_UNREADABLE, d->class_names[i], "");
    if (d->test_count && l->test.count == 0) {
        refuse(&none, EINVAL, "there is no readable test picture");
        faults_add_sentence(&d->faults, none.sentence);
    }
    free(listed);
    free(counts);
}

static void faults_find(const struct loader *l, struct dataset *d)
{
    if (d->kept)
        gone_add(l, d);
    else if (!d->drawn)
        missing_add(l, d);
}

static int workers_start(struct loader *l, struct reason *why)
{
    l->threads = calloc((size_t)l->options.workers, sizeof *l->threads);
    l->spare = malloc(image_size(l));
    if (!l->threads || !l->spare)
        return no_memory(why);
    for (; l->started < l->options.workers; l->started++)
        if (thread_start(&l->threads[l->started], worker_run, l))
            break; /* the caller does the work of missing workers */
    return 0;
}

static int workers_auto(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return n < WORKERS_MOST ? n : WORKERS_MOST;
}

static int loader_fill(struct loader *l, struct dataset *d, struct text *report,
                       struct reason *why)
{
    scan_draw(&l->scan, d);
    int err = part_init(&l->train, &l->scan, &l->options, true, why);
    if (err == 0)
        err = part_init(&l->test, &l->scan, &l->options, false, why);
    if (err)
        return err;
    faults_find(l, d);
    scan_report(&l->scan, &l->options, report, &l->findings);
    err = faults_refuse(&d->faults, d->extensions, why);
    return err ? err : workers_start(l, why);
}

/* The list of a training that is continued has them already. */
static int pages_take(const struct loader *l, struct dataset *d,
                      struct reason *why)
{
    const struct loader_options *o = &l->options;
    const struct reading_options reading = {o->workers, o->tick, o->context};
    return d->kept ? 0 : dataset_take_pages(d, o->pages, &reading, why);
}

int loader_open(struct loader **out, struct dataset *d,
                const struct loader_options *options, struct text *report,
                struct reason *why)
{
    struct loader *l = calloc(1, sizeof *l);
    if (!l)
        return no_memory(why);
    l->options = *options;
    if (l->options.workers < 1)
        l->options.workers = workers_auto();
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->done, NULL);
    int err = pages_take(l, d, why);
    if (err == 0)
        err = scan_open(&l->scan, d, &l->options, why);
    if (err == 0)
        err = loader_fill(l, d, report, why);
    if (err)
        loader_free(l);
    else
        *out = l;
    return err;
}

void loader_free(struct loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->quit = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->started; i++)
        pthread_join(l->threads[i], NULL);
    pthread_cond_destroy(&l->done);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    part_release(&l->train);
    part_release(&l->test);
    scan_release(&l->scan);
    free(l->threads);
    free(l->spare);
    free(l);
}
