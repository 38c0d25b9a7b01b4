#include "fs/notices/notices.h"

#include "core/process/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    REST_MS = 50, /* between two looks: changes come in bursts */
    STATES_TOLD = 64,
};

/* What was known of a process at the last look. */
struct known {
    uint64_t process;
    double status_changed;
    uint64_t metrics, metrics_size, log_size; /* stream, bytes */
    uint64_t model;
    bool seen;
};

void notices_init(struct notices *n, const char *mountpoint)
{
    *n = (struct notices){.started = false};
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->changed, NULL);
    pollers_init(&n->pollers);
    helper_fork(&n->helper, mountpoint);
}

bool notices_is_helper(const struct notices *n, fuse_req_t req)
{
    return n->helper.pid && fuse_req_ctx(req)->pid == n->helper.pid;
}

/* Changes */

static void rest(void)
{
    const struct timespec time = {0, REST_MS * 1000000L};
    nanosleep(&time, NULL);
}

static void tell_file(struct notices *n, struct node node)
{
    uint64_t ids[STATES_TOLD];
    char name[64];
    struct text path = TEXT_INIT;
    pollers_wake(&n->pollers, node);
    size_t count = states_known(n->states, node, ids, STATES_TOLD);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, NOTICES_FOLDER "/%llu",
                 (unsigned long long)ids[i]);
        helper_write(&n->helper, name);
    }
    tree_path(n->primo, node, &path);
    helper_write(&n->helper, text_string(&path));
    text_release(&path);
}

/* It is hidden from the helper until it has made it; one at a time. */
static void tell_directory(struct notices *n, struct node node)
{
    struct text path = TEXT_INIT;
    pthread_mutex_lock(&n->lock);
    n->announced = node;
    pthread_mutex_unlock(&n->lock);
    tree_path(n->primo, node, &path);
    helper_make(&n->helper, text_string(&path));
    text_release(&path);
    pthread_mutex_lock(&n->lock);
    n->announced = (struct node){0};
    pthread_mutex_unlock(&n->lock);
}

bool notices_is_announced(struct notices *n, struct node node)
{
    pthread_mutex_lock(&n->lock);
    bool is = node.no && n->announced.no == node.no &&
              n->announced.object == node.object;
    pthread_mutex_unlock(&n->lock);
    return is;
}

/* Whether a template's folder has this version only: then it is new, too. */
static bool is_only(struct notices *n, struct node family, uint64_t version)
{
    struct tree_entry e = {0};
    while (tree_next(n->primo, family, e.cookie, &e, NULL) == 0)
        if (e.node.no == TREE_VERSION && e.node.object != version)
            return false;
    return true;
}

static void tell_model(struct notices *n, uint64_t version)
{
    struct node node = {TREE_VERSION, version}, family;
    if (tree_parent(n->primo, node, &family, NULL))
        return; /* removed already */
    if (is_only(n, family, version)) {
        tell_directory(n, family);
        rest(); /* for a watch on it */
    }
    tell_directory(n, node);
}

static struct known *known_of(struct notices *n, uint64_t process, bool *is_new)
{
    for (size_t i = 0; i < n->known_count; i++)
        if (n->known[i].process == process) {
            *is_new = false;
            return &n->known[i];
        }
    n->known = realloc(n->known, (n->known_count + 1) * sizeof *n->known);
    if (!n->known)
        abort();
    *is_new = true;
    n->known[n->known_count] = (struct known){.process = process};
    return &n->known[n->known_count++];
}

/* What is told of a process. */
static const enum tree_no told[] = {TREE_P_STATUS, TREE_P_METRICS, TREE_P_LOG};
enum { TOLD = sizeof told / sizeof *told };

bool notices_tells(struct node node)
{
    for (int i = 0; i < TOLD; i++)
        if (told[i] == node.no)
            return true;
    return node.no == TREE_EVENTS;
}

struct change {
    uint64_t process, model;
    bool told[TOLD];
};

static bool compare(struct notices *n, struct store_txn *txn,
                    const struct process *p, struct change *out)
{
    struct known now = {
        .process = p->id,
        .status_changed = p->status_changed,
        .metrics = process_metrics(p).id,
        .metrics_size = stream_size(txn, process_metrics(p)),
        .log_size = stream_size(txn, process_log(p)),
        .model = p->model,
        .seen = true,
    };
    bool is_new;
    struct known *old = known_of(n, p->id, &is_new);
    bool run = now.metrics != old->metrics;
    *out = (struct change){
        .process = p->id,
        .model = now.model != old->model ? now.model : 0,
        .told = {now.status_changed != old->status_changed,
                 run || now.metrics_size != old->metrics_size,
                 run || now.log_size != old->log_size},
    };
    *old = now;
    return !is_new &&
           (out->model || out->told[0] || out->told[1] || out->told[2]);
}

static void forget_unseen(struct notices *n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->known_count; i++)
        if (n->known[i].seen)
            n->known[kept++] = n->known[i];
    n->known_count = kept;
}

/* The new ones, for syslog: a line each, without the time. */
static void log_events(struct store_txn *txn, struct stream s, uint64_t from,
                       uint64_t to)
{
    struct text news = TEXT_INIT;
    if (to > from && stream_read(txn, s, from, to - from, &news) == 0)
        for (const char *line = text_string(&news); *line;) {
            size_t n = strcspn(line, "\n"), time = strcspn(line, " \n");
            fuse_log(FUSE_LOG_INFO, "primofs:%.*s\n", (int)(n - time),
                     line + time);
            line += n + (line[n] == '\n');
        }
    text_release(&news);
}

/* The changes since the last look; the caller frees them. */
static size_t look(struct notices *n, struct change **out, bool *events)
{
    struct store_txn *txn;
    struct object o = OBJECT_INIT;
    uint64_t after = 0;
    size_t count = 0;
    *out = NULL;
    *events = false;
    if (store_begin(n->primo->store, false, &txn, NULL))
        return 0;
    for (size_t i = 0; i < n->known_count; i++)
        n->known[i].seen = false;
    while (object_next(txn, TREE_PROCESSES, after, &o) == 0) {
        struct process p;
        struct change c;
        after = o.id;
        if (process_decode(&o, &p) == 0) {
            if (compare(n, txn, &p, &c)) {
                *out = realloc(*out, (count + 1) * sizeof **out);
                if (!*out)
                    abort();
                (*out)[count++] = c;
            }
            process_release(&p);
        }
        object_release(&o);
    }
    const struct stream lines = {0, 'e'};
    uint64_t size = stream_size(txn, lines);
    *events = size != n->events_size;
    if (*events && n->started && !n->primo->view)
        log_events(txn, lines, n->events_size, size);
    n->events_size = size;
    store_abort(txn);
    forget_unseen(n);
    return count;
}

static void look_and_tell(struct notices *n)
{
    struct change *changes;
    bool events;
    size_t count = look(n, &changes, &events);
    for (size_t i = 0; i < count; i++) {
        for (int t = 0; t < TOLD; t++)
            if (changes[i].told[t])
                tell_file(n, (struct node){told[t], changes[i].process});
        if (changes[i].model)
            tell_model(n, changes[i].model);
    }
    if (events)
        tell_file(n, (struct node){TREE_EVENTS, 0});
    free(changes);
}

/* The thread */

static bool wait_for_change(struct notices *n)
{
    pthread_mutex_lock(&n->lock);
    while (!n->woken && !n->end)
        pthread_cond_wait(&n->changed, &n->lock);
    n->woken = false;
    bool end = n->end;
    pthread_mutex_unlock(&n->lock);
    return !end;
}

static void *notices_run(void *context)
{
    struct notices *n = context;
    struct change *untold;
    bool events;
    while (wait_for_change(n)) {
        look_and_tell(n);
        rest();
    }
    look(n, &untold, &events); /* for the log: nobody is told any more */
    free(untold);
    return NULL;
}

/* In the thread of whoever has committed. */
static void on_commit(void *context)
{
    struct notices *n = context;
    pthread_mutex_lock(&n->lock);
    n->woken = true;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
}

void notices_start(struct notices *n, struct primo *primo,
                   struct states *states)
{
    struct change *none;
    bool events;
    n->primo = primo;
    n->states = states;
    look(n, &none, &events); /* what there is, is no news */
    free(none);
    store_on_commit(primo->store, on_commit, n);
    n->started = pthread_create(&n->thread, NULL, notices_run, n) == 0;
    if (!n->started)
        store_on_commit(primo->store, NULL, NULL);
}

void notices_stop(struct notices *n)
{
    if (n->started) {
        store_on_commit(n->primo->store, NULL, NULL);
        pthread_mutex_lock(&n->lock);
        n->end = true;
        pthread_cond_broadcast(&n->changed);
        pthread_mutex_unlock(&n->lock);
        pthread_join(n->thread, NULL);
    }
    n->started = false;
    helper_end(&n->helper);
    pollers_clear(&n->pollers);
    free(n->known);
    n->known = NULL;
    n->known_count = 0;
}
