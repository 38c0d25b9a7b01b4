#include "core/serve/serve.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/serve/intake.h"
#include "core/serve/serving_watch.h"

#include <errno.h>
#include <stdlib.h>

enum { IDLE_MS = 900, NEWS_MOST = 4096 };
/* Looking at all requests takes a while where there are many: the pause between
 * two looks is at least so many times as long. */
#define EXPIRE_PAUSES  50.0
#define EXPIRE_SECONDS 2.0

/* A live service: how its replicas share its requests. */
struct shared {
    uint64_t service;
    int users; /* attendants, and whoever makes them */
    struct sharing sharing;
};

/* One of these replicas, and the thread that attends to it. */
struct attendant {
    struct serve *s;
    struct shared *shared;      /* only the first thread uses it */
    struct serving_watch watch; /* only its own thread uses it */
    struct worker worker;
    bool done;              /* under the lock of struct serve */
    struct attendant *next; /* under that lock, too */
};

struct serve {
    struct primo *primo;
    struct worker first; /* the thread that starts the attendants */
    pthread_mutex_t lock;
    struct attendant *attendants; /* under lock; only the first thread changes
                                     the list */
    double expire_at;             /* monotonic; only the first thread's */
    struct worker *lists;         /* under lock; NULL = there is none */
    uint64_t news[NEWS_MOST];     /* under lock: a ring of answered requests, */
    size_t told, known;           /* and how many were taken and put */
};

void serve_wake(struct serve *s, uint64_t service, uint64_t request)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    bool found = false;
    for (struct attendant *a = s->attendants; a; a = a->next)
        if (a->watch.service == service) {
            worker_wake(&a->worker);
            found = true;
        }
    if (!found)
        worker_wake(&s->first);
    pthread_mutex_unlock(&s->lock);
    if (request)
        waiters_wake(&s->primo->waiters, request);
}

void serve_wake_lists(struct serve *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    if (s->lists)
        worker_wake(s->lists);
    pthread_mutex_unlock(&s->lock);
}

void serve_set_lists(struct serve *s, struct worker *lists)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->lists = lists;
    pthread_mutex_unlock(&s->lock);
}

void serve_answered(struct serve *s, uint64_t request)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->news[s->known++ % NEWS_MOST] = request;
    pthread_mutex_unlock(&s->lock);
    /* who was told of the commit may have looked before this was here */
    store_announce(s->primo->store);
    waiters_wake(&s->primo->waiters, request);
}

bool serve_next_answered(struct serve *s, uint64_t *request)
{
    if (!s)
        return false;
    pthread_mutex_lock(&s->lock);
    if (s->known - s->told > NEWS_MOST)
        s->told = s->known - NEWS_MOST;
    bool any = s->told < s->known;
    if (any)
        *request = s->news[s->told++ % NEWS_MOST];
    pthread_mutex_unlock(&s->lock);
    return any;
}

bool serve_has_answered(struct primo *primo, uint64_t request,
                        const char **word)
{
    struct object o = OBJECT_INIT;
    struct request r = {0};
    int err = object_load(primo, request, &o);
    if (err == 0)
        err = request_decode(&o, &r);
    object_release(&o);
    bool open = handles_write(&primo->handles, request);
    *word = err ? NULL : "";
    return err ? err == -ENOENT : r.answered && !r.waits && !open;
}

/* Attendants */

static void *attendant_run(void *context)
{
    struct attendant *a = context;
    int ms;
    do
        ms = serving_watch_round(&a->watch);
    while (ms >= 0 && worker_rest(&a->worker, ms));
    serving_watch_release(&a->watch);
    pthread_mutex_lock(&a->s->lock);
    a->done = true;
    worker_wake(&a->s->first);
    pthread_mutex_unlock(&a->s->lock);
    return NULL;
}

static struct shared *shared_take(struct serve *s, uint64_t service)
{
    struct attendant *a = s->attendants;
    while (a && a->shared->service != service)
        a = a->next;
    struct shared *shared = a ? a->shared : xcalloc(1, sizeof *shared);
    if (!a) {
        shared->service = service;
        sharing_init(&shared->sharing);
    }
    shared->users++;
    return shared;
}

static void shared_drop(struct shared *shared)
{
    if (--shared->users)
        return;
    sharing_release(&shared->sharing);
    free(shared);
}

static void attendant_free(struct attendant *a)
{
    shared_drop(a->shared);
    free(a);
}

/* Returns NULL where nobody can attend to the replica. */
static struct attendant *attendant_open(struct serve *s, struct shared *shared,
                                        const struct serving *of,
                                        const struct replica *r)
{
    struct attendant *a = xcalloc(1, sizeof *a);
    a->s = s;
    a->shared = shared;
    shared->users++;
    if (serving_watch_open(&a->watch, s->primo, of, r, &shared->sharing) == 0)
        return a;
    attendant_free(a);
    return NULL;
}

static void attendant_start(struct serve *s, struct attendant *a)
{
    pthread_mutex_lock(&s->lock);
    int err = worker_open(&a->worker, attendant_run, a, NULL);
    a->next = s->attendants;
    if (err == 0)
        s->attendants = a;
    pthread_mutex_unlock(&s->lock);
    if (err) {
        serving_watch_release(&a->watch);
        attendant_free(a);
    }
}

/* Takes an attendant off the list: one that is done, or any. */
static struct attendant *attendant_take(struct serve *s, bool any)
{
    pthread_mutex_lock(&s->lock);
    struct attendant **at = &s->attendants;
    while (*at && !any && !(*at)->done)
        at = &(*at)->next;
    struct attendant *a = *at;
    if (a)
        *at = a->next;
    pthread_mutex_unlock(&s->lock);
    return a;
}

static void attendants_close(struct serve *s, bool all)
{
    struct attendant *a;
    if (all) { /* tell all before waiting for one */
        pthread_mutex_lock(&s->lock);
        for (a = s->attendants; a; a = a->next)
            worker_end(&a->worker);
        pthread_mutex_unlock(&s->lock);
    }
    while ((a = attendant_take(s, all))) {
        worker_close(&a->worker);
        attendant_free(a);
    }
}

static bool is_attended(const struct serve *s, uint64_t run)
{
    const struct attendant *a = s->attendants;
    while (a && a->watch.run != run)
        a = a->next;
    return a != NULL;
}

/* Whether somebody still attends to replicas that it had before it was started
 * again. */
static bool is_left(const struct serve *s, struct serving *of)
{
    const struct attendant *a = s->attendants;
    while (a &&
           (a->watch.service != of->id || serving_replica(of, a->watch.run)))
        a = a->next;
    return a != NULL;
}

/* The next live service behind *after. */
static int live_next(struct serve *s, uint64_t *after, struct serving *out)
{
    struct store_txn *txn;
    int err = store_begin(s->primo->store, false, &txn, NULL);
    if (err)
        return err;
    do
        err = serving_next(txn, after, out);
    while (err == -EBADMSG || (err == 0 && !status_is_live(out->status)));
    store_abort(txn);
    return err;
}

/* Attends to all replicas that are at work, or may be again. All take part
 * before the first of them takes requests. */
static void replicas_attend(struct serve *s, const struct serving *of)
{
    struct attendant *added[REPLICAS_MOST];
    struct shared *shared = shared_take(s, of->id);
    int count = 0;
    for (int i = 0; i < of->replica_count; i++) {
        const struct replica *r = &of->replicas[i];
        bool wanted = status_is_live(r->status) || r->away;
        struct attendant *a = wanted && !is_attended(s, r->run)
                                  ? attendant_open(s, shared, of, r)
                                  : NULL;
        if (a)
            added[count++] = a;
    }
    for (int i = 0; i < count; i++)
        attendant_start(s, added[i]);
    shared_drop(shared);
}

static void attendants_add(struct serve *s)
{
    struct serving of;
    uint64_t after = 0;
    while (live_next(s, &after, &of) == 0)
        if (!is_left(s, &of))
            replicas_attend(s, &of);
}

static void expire(struct serve *s)
{
    double began = monotonic_now();
    if (began < s->expire_at)
        return;
    intake_expire(s->primo);
    double took = (monotonic_now() - began) * EXPIRE_PAUSES;
    s->expire_at =
        monotonic_now() + (took > EXPIRE_SECONDS ? took : EXPIRE_SECONDS);
}

static void *serve_run(void *context)
{
    struct serve *s = context;
    intake_finish(s->primo);
    do {
        attendants_close(s, false);
        attendants_add(s);
        expire(s);
    } while (worker_rest(&s->first, IDLE_MS));
    attendants_close(s, true);
    return NULL;
}

/* Life cycle */

int serve_open(struct serve **out, struct primo *primo, struct reason *why)
{
    struct serve *s = xcalloc(1, sizeof *s);
    s->primo = primo;
    pthread_mutex_init(&s->lock, NULL);
    int err = worker_open(&s->first, serve_run, s, why);
    if (err) {
        pthread_mutex_destroy(&s->lock);
        free(s);
        return err;
    }
    *out = s;
    return 0;
}

void serve_close(struct serve *s)
{
    if (!s)
        return;
    worker_close(&s->first);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
