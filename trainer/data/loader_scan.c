#include "trainer/data/loader_scan.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "trainer/pictures/picture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 200 };

/* What the reading threads share. */
struct reading {
    struct scan *scan;
    int side;
    int kept; /* the first so many pictures go into the cache */
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a thread has ended */
    int next, running;    /* guarded by lock */
    int err;              /* guarded by lock; the first error */
    struct reason why;    /* guarded by lock */
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

/* A shortage is not the picture's fault, which may be readable a moment later:
 * it ends the reading instead of counting the picture as unreadable. */
static bool is_shortage(int err)
{
    return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

static int picture_take(struct reading *r, int i, struct reason *why)
{
    struct scanned *p = &r->scan->pictures[i];
    struct picture picture = PICTURE_INIT;
    int err = picture_read_within(&picture, r->scan->dataset->dir,
                                  scan_sample(r->scan, i)->path, r->side, why);
    if (err == 0) {
        p->width = picture.full_width;
        p->height = picture.full_height;
        p->more_pages = picture.more_pages;
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
        reason_prefix(why, "the picture '%s': ", scan_sample(r->scan, i)->path);
    }
    return err;
}

/* Returns the next picture, or -1 when there is none or a thread has failed. */
static int reading_next(struct reading *r)
{
    pthread_mutex_lock(&r->lock);
    int i = r->err == 0 && r->next < r->scan->count ? r->next++ : -1;
    pthread_mutex_unlock(&r->lock);
    return i;
}

static void reading_fail(struct reading *r, int err, const struct reason *why)
{
    pthread_mutex_lock(&r->lock);
    if (r->err == 0) {
        r->err = err;
        r->why = *why;
    }
    pthread_mutex_unlock(&r->lock);
}

static void *reading_run(void *context)
{
    struct reading *r = context;
    for (int i; (i = reading_next(r)) >= 0;) {
        struct reason why = REASON_INIT;
        int err = picture_take(r, i, &why);
        if (err)
            reading_fail(r, err, &why);
    }
    pthread_mutex_lock(&r->lock);
    r->running--;
    pthread_cond_signal(&r->ended);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Waits until all threads have ended. Calls tick now and then, without holding
 * the lock. */
static void reading_wait(struct reading *r, const struct loader_options *o)
{
    pthread_mutex_lock(&r->lock);
    while (r->running) {
        struct timespec until = clock_after(TICK_MS);
        if (pthread_cond_timedwait(&r->ended, &r->lock, &until) != ETIMEDOUT ||
            !o->tick)
            continue;
        int done = r->next;
        pthread_mutex_unlock(&r->lock);
        bool go_on = o->tick(o->context, done, r->scan->count);
        pthread_mutex_lock(&r->lock);
        if (!go_on && r->err == 0)
            r->err = refuse(&r->why, ECANCELED,
                            "the reading of the dataset was stopped");
    }
    pthread_mutex_unlock(&r->lock);
}

int thread_start(pthread_t *thread, void *(*run)(void *), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

static int reading_threads(struct reading *r, const struct loader_options *o,
                           struct reason *why)
{
    int n = 0,
        wanted = o->workers < r->scan->count ? o->workers : r->scan->count;
    pthread_t *threads = calloc((size_t)wanted + 1, sizeof *threads);
    if (!threads)
        return refuse(why, ENOMEM, "no memory for %d threads", wanted);
    pthread_mutex_lock(&r->lock);
    while (n < wanted && thread_start(&threads[n], reading_run, r) == 0)
        r->running = ++n;
    pthread_mutex_unlock(&r->lock);
    if (n)
        reading_wait(r, o);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    if (n == 0 && wanted)
        return refuse(why, EAGAIN, "no thread can be started");
    if (r->err && why)
        *why = r->why;
    return r->err;
}

static int scan_read(struct scan *s, const struct loader_options *o, int kept,
                     struct reason *why)
{
    struct reading r = {.scan = s, .side = o->side, .kept = kept};
    pthread_mutex_init(&r.lock, NULL);
    clock_condition_init(&r.ended);
    int err = reading_threads(&r, o, why);
    pthread_cond_destroy(&r.ended);
    pthread_mutex_destroy(&r.lock);
    return err;
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
