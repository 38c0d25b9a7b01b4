/*
 * A part (training, test) has a ring of batches in preparation. The caller
 * puts batches there, workers take one picture after the other from them, the
 * caller copies a whole batch out and puts the next one in its place. Only the
 * caller changes which batches there are; `taken` and `done` of a batch, and
 * its error, are the workers' side.
 */
#include "loader_scan.h"

#include "picture.h"
#include "random.h"
#include "streams.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { RING = 2, WORKERS_MOST = 16 };

/* A readable picture. */
struct entry {
    const struct sample *sample;
    const uint8_t *pixels; /* [side, side, 3], NULL = decoded anew */
    int index;             /* in its part of the dataset */
};

/* All of it guarded by the loader's lock, but for the content of entries,
 * images and labels while a batch is in preparation. */
struct batch {
    bool live;
    int epoch, step, count;
    const struct entry **entries; /* [batch] */
    float *images;                /* [batch, 3, side, side] */
    int taken, done;              /* pictures; done <= taken <= count */
    int err;
    struct reason why;
};

/* Used by the caller only. */
struct part {
    struct entry *entries; /* in the order of the dataset */
    int count, steps;
    unsigned augment;
    bool training;             /* shuffled */
    int *order;                /* [count], of order_epoch */
    int order_epoch;           /* -1 = none yet */
    int next_epoch, next_step; /* what comes behind the ring */
    struct batch ring[RING];
};

struct loader {
    struct loader_options options;
    struct scan scan;
    struct loader_findings findings;
    struct part train, test;
    pthread_mutex_t lock;
    pthread_cond_t work;        /* there is a picture to take, or quit */
    pthread_cond_t done;        /* a batch has no picture in hand any more */
    bool quit;                  /* guarded by lock */
    const struct batch *urgent; /* guarded by lock; the caller waits for it */
    pthread_t *threads;
    int started;
    uint8_t *spare; /* [side, side, 3], the caller's */
};

static size_t image_size(const struct loader *l)
{
    return (size_t)l->options.side * (size_t)l->options.side * 3;
}

/* Work on one picture, in any thread */

static int pixels_read(const char *path, int side, uint8_t *pixels,
                       struct reason *why)
{
    struct picture picture = PICTURE_INIT;
    int err = picture_read(&picture, path, side, why);
    if (err == 0)
        err = picture_resize(&picture, side, pixels, why);
    picture_release(&picture);
    return err;
}

int loader_picture(const char *path, int side, float *image, struct reason *why)
{
    uint8_t *pixels = malloc((size_t)side * (size_t)side * 3);
    if (!pixels)
        return refuse(why, ENOMEM, "no memory for %d x %d pixels", side, side);
    int err = pixels_read(path, side, pixels, why);
    if (err == 0)
        augment_picture(pixels, side, 0, 0, 0, 0, image);
    free(pixels);
    return err;
}

/* `spare` [side, side, 3] is for what the cache has not. */
static int entry_prepare(const struct loader *l, const struct part *part,
                         const struct batch *b, int i, uint8_t *spare,
                         struct reason *why)
{
    const struct entry *e = b->entries[i];
    const struct loader_options *o = &l->options;
    const uint8_t *pixels = e->pixels;
    if (!pixels) {
        int err = pixels_read(e->sample->path, o->side, spare, why);
        if (err) {
            reason_prefix(why, "the picture '%s' could be read before, now it ",
                          e->sample->path);
            return err;
        }
        pixels = spare;
    }
    augment_picture(pixels, o->side, part->augment, o->seed, b->epoch, e->index,
                    b->images + (size_t)i * image_size(l));
    return 0;
}

/* Threads */

static bool batch_open(const struct batch *b)
{
    return b->live && b->taken < b->count;
}

/* A batch with a picture to take: the one waited for, else the earliest. */
static struct batch *batch_choose(struct loader *l, struct part **part)
{
    struct part *parts[] = {&l->train, &l->test};
    struct batch *best = NULL;
    for (int p = 0; p < 2; p++)
        for (int i = 0; i < RING; i++) {
            struct batch *b = &parts[p]->ring[i];
            if (!batch_open(b) || (best && best == l->urgent))
                continue;
            bool sooner = !best || b == l->urgent ||
                          (*part == parts[p] &&
                           (b->epoch < best->epoch ||
                            (b->epoch == best->epoch && b->step < best->step)));
            if (sooner) {
                best = b;
                *part = parts[p];
            }
        }
    return best;
}

/* Take and prepare one picture; the lock is held before and after, not
 * while. false = there is none. */
static bool loader_work(struct loader *l, uint8_t *spare)
{
    struct part *part = NULL;
    struct batch *b = batch_choose(l, &part);
    if (!b)
        return false;
    int i = b->taken++;
    pthread_mutex_unlock(&l->lock);
    struct reason why = REASON_INIT;
    int err = entry_prepare(l, part, b, i, spare, &why);
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
        return NULL; /* the caller does it all */
    pthread_mutex_lock(&l->lock);
    while (!l->quit)
        if (!loader_work(l, spare))
            pthread_cond_wait(&l->work, &l->lock);
    pthread_mutex_unlock(&l->lock);
    free(spare);
    return NULL;
}

/* Batches, by the caller, with the lock held */

/* A training batch of one has no deviation to normalise by. */
static int part_steps(int count, int batch, bool training)
{
    int whole = count / batch, rest = count % batch;
    return whole + (rest > 1 || (rest == 1 && (!training || whole == 0)));
}

/* Fisher and Yates. */
static void part_shuffle(struct part *part, uint64_t seed, int epoch)
{
    struct random r;
    if (part->order_epoch == epoch)
        return;
    random_open(&r, seed, (uint32_t)epoch, 0, STREAM_ORDER);
    for (int i = 0; i < part->count; i++)
        part->order[i] = i;
    for (int i = part->count - 1; part->training && i > 0; i--) {
        int k = (int)random_below(&r, (uint32_t)i + 1);
        int swapped = part->order[i];
        part->order[i] = part->order[k];
        part->order[k] = swapped;
    }
    part->order_epoch = epoch;
}

/* Put the part's next batch into b. */
static void batch_put(struct loader *l, struct part *part, struct batch *b)
{
    int first = part->next_step * l->options.batch, left = part->count - first;
    part_shuffle(part, l->options.seed, part->next_epoch);
    b->live = true;
    b->epoch = part->next_epoch;
    b->step = part->next_step;
    b->count = left < l->options.batch ? left : l->options.batch;
    b->taken = b->done = b->err = 0;
    for (int i = 0; i < b->count; i++)
        b->entries[i] = &part->entries[part->order[first + i]];
    if (++part->next_step == part->steps) {
        part->next_step = 0;
        part->next_epoch += part->training;
    }
    pthread_cond_broadcast(&l->work);
}

static struct batch *part_find(struct part *part, int epoch, int step)
{
    for (int i = 0; i < RING; i++) {
        struct batch *b = &part->ring[i];
        if (b->live && b->epoch == epoch && b->step == step)
            return b;
    }
    return NULL;
}

/* Take all batches out of the ring, once nobody works on them. */
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
    part->next_epoch = epoch;
    part->next_step = step;
    for (int i = 0; i < RING; i++)
        batch_put(l, part, &part->ring[i]);
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

static void batch_copy(const struct loader *l, const struct batch *b,
                       float *images, int *labels)
{
    memcpy(images, b->images,
           (size_t)b->count * image_size(l) * sizeof *images);
    for (int i = 0; i < b->count; i++)
        labels[i] = b->entries[i]->sample->label;
}

/* Returns the number of pictures, or -errno. */
static int part_get(struct loader *l, struct part *part, int epoch, int step,
                    float *images, int *labels, struct reason *why)
{
    if (epoch < 0 || step < 0 || step >= part->steps)
        return refuse(why, EINVAL,
                      "there is no batch %d in epoch %d, it has "
                      "%d batches",
                      step, epoch, part->steps);
    pthread_mutex_lock(&l->lock);
    struct batch *b = part_request(l, part, epoch, step);
    batch_wait(l, b);
    int n = b->err ? b->err : b->count;
    if (b->err) {
        if (why)
            *why = b->why;
        part_cancel(l, part); /* so that asking again reads again */
    } else {
        pthread_mutex_unlock(&l->lock); /* it is whole: nobody writes it */
        batch_copy(l, b, images, labels);
        pthread_mutex_lock(&l->lock);
        batch_put(l, part, b);
    }
    pthread_mutex_unlock(&l->lock);
    return n;
}

int loader_train(struct loader *l, int epoch, int step, float *images,
                 int *labels, struct reason *why)
{
    return part_get(l, &l->train, epoch, step, images, labels, why);
}

int loader_test(struct loader *l, int step, float *images, int *labels,
                struct reason *why)
{
    return part_get(l, &l->test, 0, step, images, labels, why);
}

int loader_train_count(const struct loader *l)
{
    return l->train.count;
}

int loader_test_count(const struct loader *l)
{
    return l->test.count;
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

/* Life cycle */

static void part_release(struct part *part)
{
    for (int i = 0; i < RING; i++) {
        free(part->ring[i].entries);
        free(part->ring[i].images);
    }
    free(part->entries);
    free(part->order);
}

static int no_memory(struct reason *why)
{
    return refuse(why, ENOMEM, "no memory for the batches");
}

/* The readable pictures of one part. */
static int part_init(struct loader *l, struct part *part, bool training,
                     struct reason *why)
{
    size_t most = (size_t)l->scan.count + 1;
    part->training = training;
    part->augment = training ? l->options.augment : 0;
    part->order_epoch = -1;
    part->entries = malloc(most * sizeof *part->entries);
    part->order = malloc(most * sizeof *part->order);
    if (!part->entries || !part->order)
        return no_memory(why);
    int first = training ? 0 : l->scan.dataset->train_count;
    for (int i = 0; i < l->scan.count; i++) {
        const struct scanned *p = &l->scan.pictures[i];
        if (!p->fault && scan_is_test(&l->scan, i) != training)
            part->entries[part->count++] =
                (struct entry){scan_sample(&l->scan, i), p->pixels, i - first};
    }
    part->steps = part_steps(part->count, l->options.batch, training);
    return 0;
}

static int part_ring(const struct loader *l, struct part *part,
                     struct reason *why)
{
    int batch = l->options.batch;
    size_t n = (size_t)(part->count < batch ? part->count : batch);
    for (int i = 0; i < RING; i++) {
        struct batch *b = &part->ring[i];
        b->entries = calloc(n, sizeof *b->entries);
        b->images = malloc(n * image_size(l) * sizeof *b->images);
        if (!b->entries || !b->images)
            return no_memory(why);
    }
    return 0;
}

static int parts_check(const struct loader *l, struct reason *why)
{
    const struct dataset *d = l->scan.dataset;
    int label = 0; /* entries are sorted by label */
    for (int i = 0; i < l->train.count; i++)
        label += l->train.entries[i].sample->label == label;
    if (label < d->classes)
        return refuse(why, EINVAL,
                      "the class '%s' has no readable training picture",
                      d->class_names[label]);
    if (l->test.count == 0)
        return refuse(why, EINVAL, "there is no readable test picture");
    return 0;
}

static int workers_start(struct loader *l, struct reason *why)
{
    l->threads = calloc((size_t)l->options.workers, sizeof *l->threads);
    l->spare = malloc(image_size(l));
    if (!l->threads || !l->spare)
        return no_memory(why);
    for (; l->started < l->options.workers; l->started++)
        if (thread_start(&l->threads[l->started], worker_run, l))
            break; /* the caller does what workers don't */
    return 0;
}

static int workers_auto(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return n < WORKERS_MOST ? n : WORKERS_MOST;
}

static int loader_fill(struct loader *l, struct text *report,
                       struct reason *why)
{
    scan_report(&l->scan, &l->options, report, &l->findings);
    int err = part_init(l, &l->train, true, why);
    if (err == 0)
        err = part_init(l, &l->test, false, why);
    if (err == 0)
        err = parts_check(l, why);
    if (err == 0)
        err = part_ring(l, &l->train, why);
    if (err == 0)
        err = part_ring(l, &l->test, why);
    return err ? err : workers_start(l, why);
}

int loader_open(struct loader **out, const struct dataset *d,
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
    int err = scan_open(&l->scan, d, &l->options, why);
    if (err == 0)
        err = loader_fill(l, report, why);
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
