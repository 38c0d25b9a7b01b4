#include "core/lists/lists.h"

#include "core/basic/alloc.h"
#include "core/lists/list_watch.h"
#include "core/serve/serve.h"
#include "core/system/worker.h"

#include <errno.h>
#include <stdlib.h>

/* How long it rests where nobody tells it of a list: one of a service that is
 * started, or one that is due only now. */
enum { IDLE_MS = 200 };

/* A service that has, or had, a list in work. */
struct watched {
    struct list_watch watch;
    struct watched *next;
};

struct lists {
    struct primo *primo;
    struct worker worker;
    struct watched *first; /* only the worker's thread uses it */
};

static void watched_add(struct lists *l, uint64_t service)
{
    struct watched *w = l->first;
    while (w && w->watch.service != service)
        w = w->next;
    if (w)
        return;
    w = xcalloc(1, sizeof *w);
    list_watch_open(&w->watch, l->primo, service);
    w->next = l->first;
    l->first = w;
}

static void watched_drop(struct lists *l, struct watched *w)
{
    struct watched **at = &l->first;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    list_watch_release(&w->watch);
    free(w);
}

/* The next service behind *after that has a list; -ENOENT: there is none. */
static int service_next(struct lists *l, uint64_t *after)
{
    struct store_txn *txn;
    struct serving s;
    bool has = false;
    int err = store_begin(l->primo->store, false, &txn, NULL);
    if (err)
        return err;
    while (!has &&
           ((err = serving_next(txn, after, &s)) == 0 || err == -EBADMSG)) {
        uint64_t revision = 0, request;
        has = err == 0 &&
              (s.list_run ||
               request_list_waiting(txn, s.id, &revision, &request) == 0);
    }
    store_abort(txn);
    return has ? 0 : -ENOENT;
}

static int round_all(struct lists *l)
{
    uint64_t service = 0;
    int soonest = IDLE_MS;
    while (service_next(l, &service) == 0)
        watched_add(l, service);
    for (struct watched *w = l->first, *next; w; w = next) {
        next = w->next;
        int ms = list_watch_round(&w->watch);
        if (ms < 0)
            watched_drop(l, w);
        else if (ms < soonest)
            soonest = ms;
    }
    return soonest;
}

static void *lists_run(void *context)
{
    struct lists *l = context;
    int ms;
    do
        ms = round_all(l);
    while (worker_rest(&l->worker, ms));
    while (l->first)
        watched_drop(l, l->first);
    return NULL;
}

int lists_open(struct lists **out, struct primo *primo, struct reason *why)
{
    struct lists *l = xcalloc(1, sizeof *l);
    l->primo = primo;
    int err = worker_open(&l->worker, lists_run, l, why);
    if (err) {
        free(l);
        return err;
    }
    serve_set_lists(primo->serve, &l->worker);
    *out = l;
    return 0;
}

void lists_close(struct lists *l)
{
    if (!l)
        return;
    serve_set_lists(l->primo->serve, NULL);
    worker_close(&l->worker);
    free(l);
}
