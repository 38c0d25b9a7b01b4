#include "fs/notices/notices.h"

#include "core/basic/clock.h"
#include "core/process/process.h"
#include "core/serve/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REST_MS = 50, /* the pause between two looks, as changes come in bursts */
    STATES_TOLD = 64,
};

void notices_init(struct notices *n, const char *mountpoint)
{
    *n = (struct notices){.started = false};
    pthread_mutex_init(&n->lock, NULL);
    pollers_init(&n->pollers);
    inotify_child_fork(&n->child, mountpoint);
}

bool notices_is_child(const struct notices *n, fuse_req_t req)
{
    return n->child.pid && fuse_req_ctx(req)->pid == n->child.pid;
}

/* Changes */

static void tell_file(struct notices *n, struct node node)
{
    uint64_t ids[STATES_TOLD];
    char name[64];
    struct text path = TEXT_INIT;
    bool appears = node.no == TREE_ANSWER;
    pollers_wake(&n->pollers, node);
    size_t count = states_known(n->states, node, ids, STATES_TOLD);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, NOTICES_FOLDER "/%llu",
                 (unsigned long long)ids[i]);
        inotify_child_write(&n->child, name);
    }
    tree_path(n->primo, node, &path);
    (appears ? inotify_child_create : inotify_child_write)(&n->child,
                                                           text_string(&path));
    text_release(&path);
}

/* A directory is hidden from the inotify child until the child has "made" it,
 * one directory at a time. */
static void tell_directory(struct notices *n, struct node node)
{
    struct text path = TEXT_INIT;
    pthread_mutex_lock(&n->lock);
    n->announced = node;
    pthread_mutex_unlock(&n->lock);
    tree_path(n->primo, node, &path);
    inotify_child_make(&n->child, text_string(&path));
    text_release(&path);
    pthread_mutex_lock(&n->lock);
    n->announced = (struct node){0};
    pthread_mutex_unlock(&n->lock);
}

bool notices_is_announced(struct notices *n, struct node node)
{
    if (node.no == TREE_ANSWER)
        return true;
    pthread_mutex_lock(&n->lock);
    bool is = node.no && n->announced.no == node.no &&
              n->announced.object == node.object;
    pthread_mutex_unlock(&n->lock);
    return is;
}

/* Whether a template's folder has no other version: then the folder is new,
 * too. */
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
        return; /* the version was removed meanwhile */
    if (is_only(n, family, version)) {
        tell_directory(n, family);
        clock_sleep(
            REST_MS); /* gives watchers time to put a watch on the new folder */
    }
    tell_directory(n, node);
}

bool notices_tells(struct node node)
{
    return node_row(node)->told != CHANGE_NONE;
}

/* A training that has failed, or lost its trainer, is what an operator looks
 * for in the log. */
static enum fuse_log_level level_of(const char *line, size_t size)
{
    static const char *const bad[] = {" failed", " not started from the queue",
                                      " trainer lost: "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (memmem(line, size, bad[i], strlen(bad[i])))
            return FUSE_LOG_WARNING;
    return FUSE_LOG_INFO;
}

/* Writes the new events to the system's log, a line each, without the time. */
static void log_lines(const struct text *news)
{
    for (const char *line = text_string(news); *line;) {
        size_t n = strcspn(line, "\n"), time = strcspn(line, " \n");
        time += line[time] == ' ';
        fuse_log(level_of(line, n), "primofs: %.*s\n", (int)(n - time),
                 line + time);
        line += n + (line[n] == '\n');
    }
}

static void tell(void *context, const struct process_change *change)
{
    struct notices *n = context;
    for (enum tree_no no = 0; (no = row_next(TREE_PROCESS, no));)
        if (change->texts[tree_rows[no].told])
            tell_file(n, (struct node){no, change->process});
    if (change->model)
        tell_model(n, change->model);
}

static void tell_serving(void *context, const struct serving_change *change)
{
    struct notices *n = context;
    const bool texts[CHANGE_TEXTS] = {[CHANGE_STATUS] = change->status,
                                      [CHANGE_METRICS] = change->results,
                                      [CHANGE_LOG] = change->log};
    for (enum tree_no no = 0; (no = row_next(TREE_SERVING, no));)
        if (texts[tree_rows[no].told])
            tell_file(n, (struct node){no, change->service});
}

/* Answers that have appeared in out/. */
static void tell_answers(struct notices *n)
{
    uint64_t request;
    while (serve_next_answered(n->primo->serve, &request))
        tell_file(n, (struct node){TREE_ANSWER, request});
}

static void look(struct notices *n,
                 void (*each)(void *, const struct process_change *))
{
    struct text news = TEXT_INIT;
    bool events = changes_look(&n->changes, n->primo, each, n, &news);
    if (each)
        tell_answers(n);
    serving_changes_look(&n->servings, n->primo, each ? tell_serving : NULL, n);
    if (events && n->started && !n->primo->view)
        log_lines(&news);
    if (events && each)
        tell_file(n, (struct node){TREE_EVENTS, 0});
    text_release(&news);
}

/* The thread */

static void *notices_run(void *context)
{
    struct notices *n = context;
    while (worker_rest(&n->worker, -1)) {
        look(n, tell);
        clock_sleep(REST_MS);
    }
    look(
        n,
        NULL); /* the last events still go to the log; nobody is told of them */
    return NULL;
}

/* Called in the thread of whoever has committed. */
static void on_commit(void *context)
{
    struct notices *n = context;
    worker_wake(&n->worker);
}

void notices_start(struct notices *n, struct primo *primo,
                   struct states *states, const char *mountpoint)
{
    inotify_child_mounted(&n->child, mountpoint);
    n->primo = primo;
    n->states = states;
    look(n, NULL); /* what is there from the beginning is no news */
    n->started = true;
    if (worker_open(&n->worker, notices_run, n, NULL)) {
        n->started = false;
        return;
    }
    store_on_commit(primo->store, on_commit, n);
    worker_wake(&n->worker); /* there may have been a commit just before */
}

void notices_stop(struct notices *n)
{
    if (n->started)
        store_on_commit(n->primo->store, NULL, NULL);
    worker_close(&n->worker);
    n->started = false;
    inotify_child_end(&n->child);
    pollers_clear(&n->pollers);
    changes_release(&n->changes);
    serving_changes_release(&n->servings);
}
