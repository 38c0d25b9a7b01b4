#include "core/view.h"

#include "core/basic/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 200 };

struct view {
    struct primo *primo;
    uint64_t seen; /* number of the last change that was loaded */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ending;
    bool end; /* under lock */
};

/* What a daemon keeps in memory it also saves in the store, for views: it is
 * loaded again after each change. */
static void look(struct view *v)
{
    uint64_t now = store_changes(v->primo->store);
    if (now == v->seen)
        return;
    v->seen = now;
    times_load(&v->primo->directories, v->primo->store, v->primo->opened);
    refusals_load(&v->primo->refusals, v->primo->store);
    roles_load(&v->primo->roles, v->primo->store);
    waiters_wake_all(&v->primo->waiters);
    store_announce(v->primo->store);
}

static bool rest(struct view *v)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&v->lock);
    while (!v->end && pthread_cond_timedwait(&v->ending, &v->lock, &until) == 0)
        ;
    bool end = v->end;
    pthread_mutex_unlock(&v->lock);
    return !end;
}

static void *view_run(void *context)
{
    struct view *v = context;
    do {
        look(v);
        launch_sites_look(&v->primo->sites);
    } while (rest(v));
    return NULL;
}

int view_open(struct view **out, struct primo *primo, struct reason *why)
{
    struct view *v = xcalloc(1, sizeof *v);
    v->primo = primo;
    v->seen = store_changes(primo->store);
    pthread_mutex_init(&v->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&v->ending, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int code = pthread_create(&v->thread, NULL, view_run, v);
    if (code) {
        free(v);
        return refuse_errno(why, code, "cannot start a thread");
    }
    *out = v;
    return 0;
}

void view_close(struct view *v)
{
    if (!v)
        return;
    pthread_mutex_lock(&v->lock);
    v->end = true;
    pthread_cond_signal(&v->ending);
    pthread_mutex_unlock(&v->lock);
    pthread_join(v->thread, NULL);
    pthread_cond_destroy(&v->ending);
    pthread_mutex_destroy(&v->lock);
    free(v);
}
