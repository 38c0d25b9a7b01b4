#include "core/process/supervisor.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/models/base_file.h"
#include "core/process/follow.h"
#include "core/process/process.h"
#include "core/process/publish.h"
#include "core/store/node.h"
#include "core/store/stream.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    POLL_MS = 100,     /* while a process is live */
    IDLE_MS = 900,     /* otherwise */
    LOSSES = 4,        /* trainers lost in a row, without a checkpoint */
    PUBLISH_RETRY = 5, /* seconds between tries on a full disk */
    PUBLISH_TRIES = 60,
    STOP_SECONDS = 8,   /* a trainer that stops takes five at the most */
    TAIL_ROUNDS = 4096, /* for what a month's training has written */
};

/* What is known of a live run beyond its record. */
struct watched {
    uint64_t process, run;
    double not_before; /* when to start or publish again */
    int publish_tries;
    bool stop_asked, seen;
    int tail;         /* rounds of reading what a dead one has left */
    double stop_time; /* when it was asked, or killed */
    struct watched *next;
};

struct supervisor {
    struct primo *primo;
    struct launch_site site;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken, sweep, end;  /* under lock */
    struct watched *watched; /* of the thread, as all that follows */
    bool hurry;              /* the next round need not wait */
    double orphan_time;      /* when one was asked to stop, 0 = there is none */
};

/* The record as it is now. */
static int load(struct supervisor *s, uint64_t id, struct process *p)
{
    return process_read(s->primo->store, id, p, NULL);
}

/* Changes that the supervisor makes to a record */

struct verdict {
    enum life_event event;
    const char *line;   /* for the log, NULL = none */
    const char *reason; /* of a failure, NULL = none */
    int losses;         /* to add */
    bool wanted;        /* a trainer is to be started */
};

static int verdict_put(struct supervisor *s, struct store_txn *txn, uint64_t id,
                       const struct verdict *v, struct reason *why)
{
    struct process p;
    int err = process_load(txn, id, &p, why);
    if (err)
        return err;
    err = process_step(&p, v->event, why);
    p.wanted = v->wanted;
    p.losses += (uint64_t)v->losses;
    if (v->reason)
        snprintf(p.reason, sizeof p.reason, "%s", v->reason);
    if (err == 0 && v->line)
        err = log_add(txn, &p, unix_now(), v->line, why);
    if (err == 0)
        err = process_save(txn, &p, why);
    if (err == 0 && !status_is_live(p.status))
        err = end_event_add(txn, s->primo->owner, &p, why);
    process_release(&p);
    return err;
}

static int verdict_once(struct supervisor *s, uint64_t id,
                        const struct verdict *v, struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(s->primo->store, true, &txn, why);
    if (err)
        return err;
    err = verdict_put(s, txn, id, v, why);
    return store_end(txn, err, why);
}

/* Errors are tried again at the next round; a full disk gives up the reserve
 * first. */
static int verdict_apply(struct supervisor *s, uint64_t id,
                         const struct verdict *v)
{
    struct reason why = REASON_INIT;
    int err = verdict_once(s, id, v, &why);
    if (err == -ENOSPC && store_give_reserve(s->primo->store))
        err = verdict_once(s, id, v, &why);
    return err;
}

static void fail(struct supervisor *s, uint64_t id, const char *sentence)
{
    struct verdict v = {
        .event = LIFE_ENDED_FAILED, .line = sentence, .reason = sentence};
    verdict_apply(s, id, &v);
}

/* Starting */

static int job_load(struct supervisor *s, const struct process *p,
                    struct run_job *job, struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(s->primo->store, false, &txn, why);
    if (err)
        return err;
    if (blob_get(txn, p->run, RUN_TEMPLATE, &job->template) ||
        blob_get(txn, p->run, RUN_TYPE, &job->type) ||
        blob_get(txn, p->run, RUN_JOB, &job->job))
        err = refuse(why, EIO, "the run's template is not in the store");
    store_abort(txn);
    job->base = base_held(s->primo, p->run);
    return err;
}

static int launched_put(struct store_txn *txn, uint64_t id)
{
    struct process p;
    int err = process_load(txn, id, &p, NULL);
    if (err)
        return err;
    p.wanted = false;
    err = process_save(txn, &p, NULL);
    process_release(&p);
    return err;
}

/* Note that the trainer is there. Where that fails, the next round finds it
 * living and notes it then. */
static void note_launched(struct supervisor *s, uint64_t id)
{
    struct store_txn *txn;
    if (store_begin(s->primo->store, true, &txn, NULL))
        return;
    store_end(txn, launched_put(txn, id), NULL);
}

/* Start the trainer of a process that wants one. */
static void launch(struct supervisor *s, const struct launcher *launcher,
                   const struct process *p, struct watched *w)
{
    struct reason why = REASON_INIT;
    struct run_job job = {0};
    job.uid = (uid_t)p->run_uid;
    job.gid = (gid_t)p->run_gid;
    int err = job_load(s, p, &job, &why);
    if (err == 0)
        err = launcher->start(&s->site, p->run, &job, &why);
    text_release(&job.job);
    text_release(&job.template);
    text_release(&job.type);
    free(job.base);
    w->stop_asked = false;
    if (err)
        fail(s, p->id, why.sentence);
    else
        note_launched(s, p->id);
}

/* The trainer is gone and has not said why. */
static void lost(struct supervisor *s, const struct launcher *launcher,
                 const struct process *p, struct watched *w)
{
    struct text words = TEXT_INIT, line = TEXT_INIT;
    launcher->last_words(&s->site, p->run, &words);
    bool enough = p->losses + 1 >= LOSSES;
    text_puts(&line, _("the trainer has gone without a last word"));
    if (words.size)
        text_printf(&line, " (%.600s)", words.data);
    if (enough)
        text_printf(&line,
                    P_(", %d time without progress",
                       ", %d times without progress", LOSSES),
                    LOSSES);
    else if (p->status != STATUS_STOPPING)
        text_puts(&line, _("; it is started again"));
    line.data[utf8_valid(line.data, line.size)] = 0;
    struct verdict v = {.event = enough ? LIFE_ENDED_FAILED : LIFE_LOST,
                        .line = line.data,
                        .reason = enough ? line.data : NULL,
                        .losses = 1,
                        .wanted = !enough};
    verdict_apply(s, p->id, &v);
    w->not_before = unix_now() + (p->losses ? (double)(p->losses * 2) : 0.2);
    text_release(&words);
    text_release(&line);
}

/* Publishing; a disk that is full is waited for. */
static void publish(struct supervisor *s, const struct launcher *launcher,
                    const struct process *p, struct watched *w)
{
    struct reason why = REASON_INIT;
    if (unix_now() < w->not_before)
        return;
    int err = model_publish(s->primo, launcher, &s->site, p->id, &why);
    if (err == 0) {
        supervisor_sweep(s);
        return;
    }
    struct text line = TEXT_INIT;
    text_printf(&line, _("the model cannot be saved: %s"), why.sentence);
    bool again = err == -ENOSPC && ++w->publish_tries < PUBLISH_TRIES;
    w->not_before = unix_now() + PUBLISH_RETRY;
    if (!again)
        fail(s, p->id, text_string(&line));
    else if (w->publish_tries == 1)
        refusals_add(&s->primo->refusals, (uid_t)p->author, "models", &why);
    text_release(&line);
}

/* One round for one live process */

static void ask_to_stop(struct supervisor *s, const struct launcher *launcher,
                        const struct process *p, struct watched *w)
{
    if (!w->stop_asked) {
        w->stop_asked = launcher->stop(&s->site, p->run, NULL) == 0;
        w->stop_time = unix_now();
    } else if (unix_now() - w->stop_time > STOP_SECONDS) {
        launcher->kill(&s->site, p->run);
        w->stop_time = unix_now();
    }
}

static void watch(struct supervisor *s, const struct launcher *launcher,
                  uint64_t id, struct watched *w)
{
    struct process p;
    struct follow_state state = {0};
    if (load(s, id, &p))
        return;
    /* asked before the journal is read: a dead trainer writes no more */
    int alive = launcher->alive(&s->site, p.run);
    struct reason why = REASON_INIT;
    int err = run_follow(s->primo, launcher, &s->site, id, &state, &why);
    process_release(&p);
    s->hurry |= state.more;
    if (err || load(s, id, &p))
        return;
    if (state.more && alive == 0 && p.status != STATUS_STOPPING &&
        w->tail++ < TAIL_ROUNDS) {
        /* its last word is still to be read */
    } else if (state.succeeded) {
        publish(s, launcher, &p, w);
    } else if (status_is_live(p.status)) {
        if (p.status == STATUS_STOPPING && alive == 1)
            ask_to_stop(s, launcher, &p, w);
        else if (alive == 0 && p.wanted && p.status != STATUS_STOPPING) {
            if (unix_now() >= w->not_before)
                launch(s, launcher, &p, w);
        } else if (alive == 0)
            lost(s, launcher, &p, w);
        else if (alive == 1 && p.wanted)
            launch(s, launcher, &p, w); /* it is there: note it */
    }
    process_release(&p);
}

static struct watched *watched_find(struct supervisor *s,
                                    const struct process *p)
{
    struct watched *w = s->watched;
    while (w && (w->process != p->id || w->run != p->run))
        w = w->next;
    if (!w) {
        w = calloc(1, sizeof *w);
        if (!w)
            abort();
        *w = (struct watched){
            .process = p->id, .run = p->run, .next = s->watched};
        s->watched = w;
    }
    w->seen = true;
    return w;
}

static void watched_forget(struct supervisor *s, bool all)
{
    for (struct watched **at = &s->watched; *at;) {
        struct watched *w = *at;
        if (w->seen && !all) {
            w->seen = false;
            at = &w->next;
        } else {
            *at = w->next;
            free(w);
        }
    }
}

/* The ids of the processes; the caller frees. */
static size_t process_ids(struct supervisor *s, uint64_t **out)
{
    struct store_txn *txn;
    struct process p;
    size_t n = 0;
    uint64_t after = 0;
    *out = NULL;
    if (store_begin(s->primo->store, false, &txn, NULL))
        return 0;
    while (process_next(txn, &after, &p) == 0) {
        *out = realloc(*out, (n + 1) * sizeof **out);
        if (!*out)
            abort();
        (*out)[n++] = p.id;
        process_release(&p);
    }
    store_abort(txn);
    return n;
}

/* Returns how many are live still. */
static int round_all(struct supervisor *s)
{
    uint64_t *ids;
    size_t n = process_ids(s, &ids);
    int live = 0;
    for (size_t i = 0; i < n; i++) {
        struct process p;
        if (load(s, ids[i], &p))
            continue;
        const struct launcher *launcher = launcher_find(p.launcher);
        bool was_live = status_is_live(p.status);
        if (was_live && launcher)
            watch(s, launcher, ids[i], watched_find(s, &p));
        else if (was_live)
            fail(s, ids[i], _("its launcher is not known to this version"));
        process_release(&p);
        if (load(s, ids[i], &p))
            continue;
        live += status_is_live(p.status);
        if (!status_is_live(p.status))
            waiters_wake(&s->primo->waiters, ids[i]);
        process_release(&p);
    }
    free(ids);
    watched_forget(s, false);
    return live;
}

/* Orphans: run directories that no process needs */

static bool run_is_needed(struct supervisor *s, uint64_t run)
{
    struct store_txn *txn;
    if (store_begin(s->primo->store, false, &txn, NULL))
        return true;
    bool needed = process_needs_run(txn, run) != 0;
    store_abort(txn);
    return needed;
}

/* A trainer that trains for nobody is stopped first. */
static void orphan_stop(struct supervisor *s, uint64_t run)
{
    if (!s->orphan_time)
        s->orphan_time = unix_now();
    if (unix_now() - s->orphan_time > STOP_SECONDS)
        launcher_local.kill(&s->site, run);
    else
        launcher_local.stop(&s->site, run, NULL);
}

/* Every run directory (and its lock) that is nobody's. Returns whether there
 * is something left of them. */
static bool sweep_runs(struct supervisor *s)
{
    DIR *dir = opendir(s->primo->runs);
    struct dirent *e;
    bool left = false, alive = false;
    while (dir && (e = readdir(dir))) {
        char *end;
        uint64_t run = strtoull(e->d_name, &end, 10);
        if ((*end && strcmp(end, ".lock")) || !run || run_is_needed(s, run))
            continue;
        if (launcher_local.alive(&s->site, run) == 0) {
            bool rest = launcher_local.discard(&s->site, run, NULL) == -EAGAIN;
            if (!rest)
                base_release_run(s->primo, run);
            left |= rest;
        } else {
            orphan_stop(s, run);
            alive = true;
        }
    }
    if (dir)
        closedir(dir);
    s->orphan_time = alive ? s->orphan_time : 0;
    return left || alive;
}

/* The thread */

static void wait_for_work(struct supervisor *s, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&s->lock);
    while (!s->woken && !s->end &&
           pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
        ;
    s->woken = false;
    pthread_mutex_unlock(&s->lock);
}

static bool take_flag(struct supervisor *s, bool *flag)
{
    pthread_mutex_lock(&s->lock);
    bool was = *flag;
    *flag = false;
    pthread_mutex_unlock(&s->lock);
    return was;
}

/* At the next round, without haste. */
static void sweep_again(struct supervisor *s)
{
    pthread_mutex_lock(&s->lock);
    s->sweep = true;
    pthread_mutex_unlock(&s->lock);
}

static void *supervise(void *arg)
{
    struct supervisor *s = arg;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        bool end = s->end;
        pthread_mutex_unlock(&s->lock);
        if (end)
            break;
        s->hurry = false;
        int live = round_all(s);
        if (take_flag(s, &s->sweep) && sweep_runs(s))
            sweep_again(s);
        times_save(&s->primo->directories, s->primo->store, NULL);
        refusals_save(&s->primo->refusals, s->primo->store, NULL);
        host_look(&s->primo->host, s->site.trainer);
        if (!live)
            store_tidy(s->primo->store);
        wait_for_work(s, s->hurry                 ? 0
                         : live || s->orphan_time ? POLL_MS
                                                  : IDLE_MS);
    }
    watched_forget(s, true);
    children_release(&s->site.children);
    return NULL;
}

int supervisor_open(struct supervisor **out, struct primo *primo,
                    struct reason *why)
{
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->primo = primo;
    s->site = (struct launch_site){primo->runs, primo->trainer, NULL};
    s->sweep = true;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int code = pthread_create(&s->thread, NULL, supervise, s);
    if (code) {
        free(s);
        return refuse_errno(why, code, "cannot start a thread");
    }
    *out = s;
    return 0;
}

void supervisor_close(struct supervisor *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->end = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void raise_flag(struct supervisor *s, bool *flag)
{
    pthread_mutex_lock(&s->lock);
    *flag = true;
    s->woken = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void supervisor_wake(struct supervisor *s)
{
    raise_flag(s, &s->woken);
}

void supervisor_sweep(struct supervisor *s)
{
    raise_flag(s, &s->sweep);
}
