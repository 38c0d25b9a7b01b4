#include "core/view.h"

#include "core/basic/alloc.h"
#include "core/system/worker.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 200 };

struct view {
    struct primo *primo;
    uint64_t seen; /* number of the last change that was loaded */
    struct worker worker;
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

static void *view_run(void *context)
{
    struct view *v = context;
    do {
        look(v);
        launch_sites_look(&v->primo->sites);
    } while (worker_rest(&v->worker, LOOK_MS));
    return NULL;
}

int view_open(struct view **out, struct primo *primo, struct reason *why)
{
    struct view *v = xcalloc(1, sizeof *v);
    v->primo = primo;
    v->seen = store_changes(primo->store);
    int err = worker_open(&v->worker, view_run, v, why);
    if (err) {
        free(v);
        return err;
    }
    *out = v;
    return 0;
}

void view_close(struct view *v)
{
    if (!v)
        return;
    worker_close(&v->worker);
    free(v);
}
