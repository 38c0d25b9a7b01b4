#include "core/training/supervisor.h"

#include "core/basic/alloc.h"
#include "core/inbox/serving.h"
#include "core/models/base_file.h"
#include "core/models/model.h"
#include "core/state/lost.h"
#include "core/state/trouble.h"
#include "core/store/garbage.h"
#include "core/store/node.h"
#include "core/system/worker.h"
#include "core/training/turns.h"
#include "core/training/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SOON_MS = 100, /* while orphans have yet to end */
    IDLE_MS = 900, /* while nothing is known to be due */
};

/* One live process and the thread that watches it. */
struct watcher {
    struct supervisor *s;
    struct watch watch; /* only its own thread uses it */
    struct worker worker;
    bool done;            /* under the supervisor's lock: it may be closed */
    struct watcher *next; /* under the supervisor's lock */
};

/* One launcher and the thread that looks after it. */
struct keeper {
    struct supervisor *s;
    const struct launch_site *site;
    struct worker worker;
    bool failed; /* the last sweep failed, and this has been reported */
};

struct supervisor {
    struct primo *primo;
    struct worker first; /* the thread that starts the watchers */
    pthread_mutex_t lock;
    unsigned sweeps;          /* under lock: how often a sweep was requested */
    struct watcher *watchers; /* under lock; only the first thread changes the
                                 list, and may read it without the lock */
    struct keeper *keepers;   /* one for each launch site */
    size_t keeper_count;      /* keepers whose thread was started */
};

/* Waking */

static void for_each_worker(struct supervisor *s, void (*tell)(struct worker *))
{
    pthread_mutex_lock(&s->lock);
    tell(&s->first);
    for (struct watcher *w = s->watchers; w; w = w->next)
        tell(&w->worker);
    for (size_t i = 0; i < s->keeper_count; i++)
        tell(&s->keepers[i].worker);
    pthread_mutex_unlock(&s->lock);
}

void supervisor_wake(struct supervisor *s)
{
    for_each_worker(s, worker_wake);
}

void supervisor_sweep(struct supervisor *s)
{
    pthread_mutex_lock(&s->lock);
    s->sweeps++;
    pthread_mutex_unlock(&s->lock);
    supervisor_wake(s);
}

/* Watchers */

static void *watcher_run(void *context)
{
    struct watcher *w = context;
    struct supervisor *s = w->s;
    int ms;
    do
        ms = watch_round(&w->watch);
    while (ms >= 0 && worker_rest(&w->worker, ms));
    if (ms < 0)
        waiters_wake(&s->primo->waiters, w->watch.process);
    watch_release(&w->watch);
    pthread_mutex_lock(&s->lock);
    w->done = true;
    s->sweeps++; /* its run directory may not be needed any more */
    pthread_mutex_unlock(&s->lock);
    supervisor_wake(s);
    return NULL;
}

/* A watcher that cannot be started is tried again at the next round. */
static void watcher_add(struct supervisor *s, const struct process *p)
{
    struct reason why = REASON_INIT;
    struct watcher *w = xcalloc(1, sizeof *w);
    w->s = s;
    w->next = s->watchers;
    if (watch_open(&w->watch, s->primo, p, &why)) {
        free(w);
        return;
    }
    pthread_mutex_lock(&s->lock);
    int err = worker_open(&w->worker, watcher_run, w, NULL);
    if (err == 0)
        s->watchers = w;
    pthread_mutex_unlock(&s->lock);
    if (err) {
        watch_release(&w->watch);
        free(w);
    }
}

/* Takes a watcher off the list: one that is done, or any. NULL = there is none.
 */
static struct watcher *watcher_take(struct supervisor *s, bool any)
{
    pthread_mutex_lock(&s->lock);
    struct watcher **at = &s->watchers;
    while (*at && !any && !(*at)->done)
        at = &(*at)->next;
    struct watcher *w = *at;
    if (w)
        *at = w->next;
    pthread_mutex_unlock(&s->lock);
    return w;
}

/* Closes the watchers that are done; at the end, all of them. */
static void watchers_close(struct supervisor *s, bool all)
{
    struct watcher *w;
    while ((w = watcher_take(s, all))) {
        worker_close(&w->worker); /* without the lock, which it may wait for */
        free(w);
    }
}

static bool is_watched(const struct supervisor *s, uint64_t process)
{
    const struct watcher *w = s->watchers;
    while (w && w->watch.process != process)
        w = w->next;
    return w != NULL;
}

/* The live processes that nobody watches yet, in a list that the caller frees.
 * A process that has got another run is watched by the thread of the old one
 * until that has noticed, so that a machine never has two. */
static struct process *unwatched(struct supervisor *s, size_t *count)
{
    struct process *out = NULL, p;
    struct store_txn *txn;
    uint64_t after = 0;
    size_t room = 0;
    int err;
    *count = 0;
    if (store_begin(s->primo->store, false, &txn, NULL))
        return NULL;
    while ((err = process_next(txn, &after, &p)) == 0 || err == -EBADMSG) {
        if (err || !status_is_live(p.status) || is_watched(s, p.id)) {
            process_release(&p);
            continue;
        }
        ALLOC_GROW(out, *count + 1, room);
        out[(*count)++] = p;
    }
    store_abort(txn);
    return out;
}

static void watchers_add(struct supervisor *s)
{
    size_t count;
    struct process *list = unwatched(s, &count);
    for (size_t i = 0; i < count; i++) {
        watcher_add(s, &list[i]);
        process_release(&list[i]);
    }
    free(list);
}

/* The first thread */

static void *supervise(void *context)
{
    struct supervisor *s = context;
    struct primo *primo = s->primo;
    do {
        watchers_close(s, false);
        turns_take(primo);
        watchers_add(s);
        waiters_wake_all(&primo->waiters);
        model_files_return(primo);
        times_save(&primo->directories, primo->store, NULL);
        refusals_save(&primo->refusals, primo->store, NULL);
        store_tidy(primo->store);
    } while (worker_rest(&s->first, IDLE_MS));
    watchers_close(s, true);
    return NULL;
}

/* Keepers */

static int run_is_needed(void *context, uint64_t run)
{
    const struct keeper *k = context;
    struct store_txn *txn;
    int err = store_begin(k->s->primo->store, false, &txn, NULL);
    if (err)
        return err;
    int needed = process_needs_run(txn, run);
    if (needed == 0)
        needed = serving_needs_run(txn, run);
    store_abort(txn);
    return needed;
}

/* No record of the store says that this run was given up, so somebody may want
 * its checkpoint back: it is moved to lost/, not removed. */
static int run_lose(struct primo *primo, uint64_t run)
{
    struct reason why = REASON_INIT;
    char name[64];
    snprintf(name, sizeof name, "%" PRIu64, run);
    int err = lost_move(primo, primo->runs_dir, "runs", name, &why);
    if (err == 0 && base_held(primo, run, name))
        err = lost_move(primo, primo->bases_dir, "bases", name, &why);
    if (err)
        trouble_tell(primo, "runs", &why);
    return err;
}

static int run_rescue(void *context, uint64_t run)
{
    const struct keeper *k = context;
    struct store_txn *txn;
    int err = store_begin(k->s->primo->store, false, &txn, NULL);
    if (err)
        return err;
    int fate = process_run_fate(txn, run);
    store_abort(txn);
    if (fate < 0)
        return fate;
    return fate == SWEEP_LOSE ? run_lose(k->s->primo, run) : 0;
}

static bool run_is_given_up(void *context, uint64_t run)
{
    const struct keeper *k = context;
    struct store_txn *txn;
    if (store_begin(k->s->primo->store, false, &txn, NULL))
        return false;
    int fate = process_run_fate(txn, run);
    store_abort(txn);
    return fate == SWEEP_DELETE;
}

static int run_is_live(void *context, uint64_t run)
{
    const struct keeper *k = context;
    struct store_txn *txn;
    int err = store_begin(k->s->primo->store, false, &txn, NULL);
    if (err)
        return err;
    int live = process_trains_run(txn, run);
    if (live == 0)
        live = serving_answers_run(txn, run);
    store_abort(txn);
    return live;
}

/* Once a run is deleted, the note that it is garbage can go, too. */
static void garbage_deleted(struct primo *primo, uint64_t run)
{
    struct store_txn *txn;
    if (store_begin(primo->store, true, &txn, NULL))
        return; /* the note stays, which does no harm */
    int err = garbage_forget(txn, GARBAGE_RUNS, run, NULL);
    store_end(txn, err, NULL);
}

static void run_dropped(void *context, uint64_t run)
{
    const struct keeper *k = context;
    base_release_run(k->s->primo, run);
    garbage_deleted(k->s->primo, run);
}

/* While the store cannot be read, nobody knows which runs are needed: nothing
 * is removed, and this is reported once. */
static int sweep(struct keeper *k)
{
    const struct launch_sweep sweep = {.needed = run_is_needed,
                                       .rescue = run_rescue,
                                       .given_up = run_is_given_up,
                                       .live = run_is_live,
                                       .dropped = run_dropped,
                                       .context = k};
    struct primo *primo = k->s->primo;
    struct reason why = REASON_INIT;
    int left = k->site->launcher->sweep(k->site, &sweep);
    if (left < 0 && !k->failed) {
        refuse_errno(&why, -left,
                     "run directories that nobody needs are not removed: the "
                     "store does not say which are needed");
        trouble_tell(primo, "runs", &why);
    }
    k->failed = left < 0;
    return left;
}

/* The launcher waits for nothing here, so that the transaction is short. */
static void machine_want(struct keeper *k, const struct object *machine)
{
    struct launch_target target = {.site = k->site};
    struct settings *s = &target.machine;
    settings_init(s);
    if (settings_parse(s, text_string(&machine->body), machine->body.size,
                       SCOPE_MACHINE, "", NULL) == 0 &&
        !strcmp(settings_get(s, KEY_LAUNCHER), k->site->launcher->name) &&
        !strcmp(settings_get(s, KEY_ENABLED), "yes"))
        k->site->launcher->want(&target);
    settings_release(s);
}

static void machines_want(struct keeper *k)
{
    struct object machine = OBJECT_INIT;
    struct store_txn *txn;
    uint64_t after = 0;
    if (!k->site->launcher->want ||
        store_begin(k->s->primo->store, false, &txn, NULL))
        return;
    while (object_next(txn, TREE_MACHINES, after, &machine) == 0) {
        after = machine.id;
        machine_want(k, &machine);
        object_release(&machine);
    }
    store_abort(txn);
}

static void *keeper_run(void *context)
{
    struct keeper *k = context;
    struct supervisor *s = k->s;
    const struct launcher *launcher = k->site->launcher;
    unsigned swept = 0;
    int left = 0;
    do {
        pthread_mutex_lock(&s->lock);
        bool due = left || swept != s->sweeps;
        swept = s->sweeps;
        pthread_mutex_unlock(&s->lock);
        machines_want(k);
        due |= launcher->unswept && launcher->unswept(k->site);
        if (due && launcher->sweep)
            left = sweep(k);
        if (launcher->look)
            launcher->look(k->site);
    } while (worker_rest(&k->worker, left > 0 ? SOON_MS : IDLE_MS));
    return NULL;
}

/* Life cycle */

static struct supervisor *supervisor_new(struct primo *primo)
{
    struct supervisor *s = xcalloc(1, sizeof *s);
    s->keepers = xcalloc(primo->sites.count + 1, sizeof *s->keepers);
    s->primo = primo;
    s->sweeps = 1; /* an earlier daemon may have left something */
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

/* All are told to end before one is waited for: a launcher that is slow to
 * return is waited for once, not by each thread in turn. The first thread ends
 * the watchers that it has started since. */
static void supervisor_free(struct supervisor *s)
{
    launch_sites_end(&s->primo->sites);
    for_each_worker(s, worker_end);
    worker_close(&s->first);
    for (size_t i = 0; i < s->keeper_count; i++)
        worker_close(&s->keepers[i].worker);
    pthread_mutex_destroy(&s->lock);
    free(s->keepers);
    free(s);
}

int supervisor_open(struct supervisor **out, struct primo *primo,
                    struct reason *why)
{
    struct supervisor *s = supervisor_new(primo);
    int err = 0;
    for (size_t i = 0; i < primo->sites.count && err == 0; i++) {
        struct keeper *k = &s->keepers[i];
        *k = (struct keeper){.s = s, .site = &primo->sites.list[i]};
        err = worker_open(&k->worker, keeper_run, k, why);
        s->keeper_count += err == 0;
    }
    if (err == 0)
        err = worker_open(&s->first, supervise, s, why);
    if (err)
        supervisor_free(s);
    else
        *out = s;
    return err;
}

void supervisor_close(struct supervisor *s)
{
    if (s)
        supervisor_free(s);
}
