#include "core/system/worker.h"

#include "core/basic/clock.h"

int worker_open(struct worker *w, void *(*run)(void *context), void *context,
                struct reason *why)
{
    *w = (struct worker){.open = true};
    pthread_mutex_init(&w->lock, NULL);
    clock_condition_init(&w->changed);
    int code = pthread_create(&w->thread, NULL, run, context);
    if (code == 0)
        return 0;
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    w->open = false;
    return refuse_errno(why, code, "cannot start a thread");
}

void worker_close(struct worker *w)
{
    if (!w->open)
        return;
    worker_end(w);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    w->open = false;
}

bool worker_rest(struct worker *w, int ms)
{
    struct timespec until = clock_after(ms > 0 ? ms : 0);
    int err = 0;
    pthread_mutex_lock(&w->lock);
    while (!w->woken && !w->end && err == 0)
        err = ms < 0 ? pthread_cond_wait(&w->changed, &w->lock)
                     : pthread_cond_timedwait(&w->changed, &w->lock, &until);
    w->woken = false;
    bool end = w->end;
    pthread_mutex_unlock(&w->lock);
    return !end;
}

bool worker_is_ending(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    bool end = w->end;
    pthread_mutex_unlock(&w->lock);
    return end;
}

static void tell(struct worker *w, bool end)
{
    if (!w->open)
        return;
    pthread_mutex_lock(&w->lock);
    w->woken = true;
    w->end |= end;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void worker_wake(struct worker *w)
{
    tell(w, false);
}

void worker_end(struct worker *w)
{
    tell(w, true);
}
