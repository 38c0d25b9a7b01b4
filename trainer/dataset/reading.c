#include "trainer/dataset/reading.h"

#include "core/basic/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum { TICK_MS = 200 };

/* What the threads share. */
struct reading {
    int count;
    reading_take *take;
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a thread has ended */
    int next, running;    /* guarded by lock */
    int err;              /* guarded by lock; the first error */
    struct reason why;    /* guarded by lock */
};

/* Returns the next picture, or -1 when there is none or a thread has failed. */
static int reading_next(struct reading *r)
{
    pthread_mutex_lock(&r->lock);
    int i = r->err == 0 && r->next < r->count ? r->next++ : -1;
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

static void *reader_run(void *context)
{
    struct reading *r = context;
    for (int i; (i = reading_next(r)) >= 0;) {
        struct reason why = REASON_INIT;
        int err = r->take(r->context, i, &why);
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
static void reading_wait(struct reading *r, const struct reading_options *o)
{
    pthread_mutex_lock(&r->lock);
    while (r->running) {
        struct timespec until = clock_after(TICK_MS);
        if (pthread_cond_timedwait(&r->ended, &r->lock, &until) != ETIMEDOUT ||
            !o->tick)
            continue;
        int done = r->next;
        pthread_mutex_unlock(&r->lock);
        bool go_on = o->tick(o->context, done, r->count);
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

static int reading_threads(struct reading *r, const struct reading_options *o,
                           struct reason *why)
{
    int n = 0, wanted = o->workers < r->count ? o->workers : r->count;
    pthread_t *threads = calloc((size_t)wanted + 1, sizeof *threads);
    if (!threads)
        return refuse(why, ENOMEM, "no memory for %d threads", wanted);
    pthread_mutex_lock(&r->lock);
    while (n < wanted && thread_start(&threads[n], reader_run, r) == 0)
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

int reading_run(int count, const struct reading_options *options,
                reading_take *take, void *context, struct reason *why)
{
    struct reading r = {.count = count, .take = take, .context = context};
    pthread_mutex_init(&r.lock, NULL);
    clock_condition_init(&r.ended);
    int err = reading_threads(&r, options, why);
    pthread_cond_destroy(&r.ended);
    pthread_mutex_destroy(&r.lock);
    return err;
}
