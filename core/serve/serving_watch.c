#include "core/serve/serving_watch.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/process/process.h"
#include "core/process/run_setup.h"
#include "core/process/viewer.h"
#include "core/serve/serve.h"
#include "core/serve/service.h"
#include "core/serve/serving_follow.h"
#include "core/serve/serving_run.h"
#include "core/serve/serving_tell.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SOON_MS = 2,   /* while answers are awaited */
    START_MS = 20, /* while the worker starts or stops */
    REST_MS = 500,
    LOSSES = 4, /* workers lost in a row, without an answer */
    /* A worker that has said nothing for so long while it had something to
     * answer hangs. */
    HANGS_SECONDS = 60 + PAGES_SECONDS,
    UNREACHED_MS = 200,
    UNREACHED_PATIENCE = 4, /* seconds that a stop waits for the machine */
};

/* Changes to the record */

/* What a round has to say, in one transaction. */
struct word {
    enum life_event event; /* LIFE_EVENTS = none */
    const char *line;      /* for the log, NULL = none */
    const char *reason;    /* why it failed, NULL = it did not */
    int losses;
    int loaded; /* 1, 0, or -1 = as it is */
    bool away;  /* it failed because the machine is not reached */
};

/* What a replica says of its end is what the service says of its own, where
 * that ends with it. */
static int ended_note(struct serving_watch *w, struct store_txn *txn,
                      struct serving *s, const struct replica *r,
                      struct reason *why)
{
    w->over = !status_is_live(s->status);
    if (!w->over)
        return 0;
    snprintf(s->reason, sizeof s->reason, "%s", r->fault);
    return serving_event(txn, s, w->primo->owner,
                         *s->reason ? s->reason : status_name(s->status), why);
}

static int word_put(struct serving_watch *w, struct store_txn *txn,
                    const struct word *v, struct reason *why)
{
    struct serving s;
    int err = serving_load(txn, w->service, &s, why);
    struct replica *r = serving_replica(&s, w->run);
    if (err || !r)
        return err ? err : -ESRCH;
    if (v->event != LIFE_EVENTS)
        err = serving_step_replica(&s, r, v->event, why);
    if (v->line && err == 0)
        err = serving_log_replica(txn, &s, r, unix_now(), v->line, why);
    if (v->event != LIFE_EVENTS)
        snprintf(r->fault, sizeof r->fault, "%s", v->reason ? v->reason : "");
    r->away = v->away;
    r->losses += (uint64_t)v->losses;
    r->loaded = v->loaded < 0 ? r->loaded : v->loaded;
    if (err == 0)
        err = ended_note(w, txn, &s, r, why);
    return err ? err : serving_save(txn, &s, why);
}

static void say(struct serving_watch *w, const struct word *v)
{
    struct store_txn *txn;
    int err = -ENOSPC;
    for (int i = 0; i < 2 && err; i++) {
        err = store_begin(w->primo->store, true, &txn, NULL);
        if (err == 0)
            err = store_end(txn, word_put(w, txn, v, NULL), NULL);
        if (err && !store_makes_room(w->primo->store, err))
            break;
    }
    w->over &= err == 0;
}

static void fail(struct serving_watch *w, const char *sentence, bool away)
{
    say(w, &(struct word){.event = LIFE_ENDED_FAILED,
                          .line = sentence,
                          .reason = sentence,
                          .loaded = 0,
                          .away = away});
}

/* Models */

/* The rights of who started the service: they must cover a model that the text
 * names by now. */
static int model_may(struct serving_watch *w, const struct serving *s,
                     uint64_t version, struct reason *why)
{
    const struct caller author = {(uid_t)s->run_uid, (gid_t)s->run_gid, 0};
    struct object o = OBJECT_INIT;
    struct viewer v;
    char called[320];
    viewer_init(&v, w->primo, &author, "");
    int err = object_load(w->primo, version, &o);
    snprintf(called, sizeof called, "models/%s", w->model.called);
    if (err == 0)
        err = viewer_may(&v, KEY_MODELS, called, &o, why);
    object_release(&o);
    return err;
}

static int model_note(struct serving_watch *w, struct store_txn *txn,
                      struct reason *why)
{
    struct serving s;
    struct text line = TEXT_INIT;
    int err = serving_load(txn, w->service, &s, why);
    bool begins = !w->before.version && s.replicas[0].run == w->run;
    if (err == 0 && s.model == w->model.version && !begins)
        return 0; /* another replica has said so */
    s.model = w->model.version;
    snprintf(s.called, sizeof s.called, "%s", w->model.called);
    text_printf(&line, _("the model is %s"), s.called);
    if (err == 0)
        err = serving_log_add(txn, &s, unix_now(), text_string(&line), why);
    text_release(&line);
    return err ? err : serving_save(txn, &s, why);
}

/* Takes the model that the text names now. Where that cannot be done, the one
 * before it goes on; without one the service fails. */
static int model_take(struct serving_watch *w, const struct serving *s,
                      struct reason *why)
{
    struct answer_model next = {.version = w->model.version};
    struct store_txn *txn;
    const char *name = settings_get(&w->text, KEY_SERVICE_MODEL);
    int err = store_begin(w->primo->store, false, &txn, why);
    if (err)
        return err;
    err = answer_model_load(w->primo, txn, name, &next, why);
    store_abort(txn);
    if (err || next.version == w->model.version)
        return err;
    struct answer_model had = w->before;
    w->before = w->model;
    w->model = next;
    err = model_may(w, s, next.version, why);
    if (err == 0)
        err = store_begin(w->primo->store, true, &txn, why);
    if (err == 0)
        err = store_end(txn, model_note(w, txn, why), why);
    if (err) {
        answer_model_release(&w->model);
        w->model = w->before;
        w->before = had;
    } else {
        answer_model_release(&had);
    }
    return err;
}

static void text_take(struct serving_watch *w, const struct serving *s)
{
    struct settings now;
    struct store_txn *txn;
    settings_init(&now);
    if (store_begin(w->primo->store, false, &txn, NULL))
        return;
    int err = service_load(txn, s->service, &now, NULL);
    store_abort(txn);
    if (err) {
        settings_release(&now);
        return; /* the text before it goes on */
    }
    settings_release(&w->text);
    w->text = now;
}

/* Starting */

/* A machine that is out of reach: whoever has just started the service is told
 * so. Later on, requests wait for it. */
static bool is_worth_waiting(const struct replica *r, int err)
{
    return err == -EINPROGRESS ||
           (err == -EHOSTUNREACH && r->status != STATUS_STARTING);
}

static void launch(struct serving_watch *w, const struct serving *s,
                   const struct replica *r)
{
    struct reason why = REASON_INIT;
    struct run_job job = {.base_dir = -1};
    struct store_txn *txn;
    if (monotonic_now() < w->not_before)
        return;
    w->told_begun = false;
    serving_told_forget(w);
    w->stop_time = 0;
    w->ended = false;
    w->last_used = monotonic_now();
    int err = serving_told_begin(w, &why);
    if (err == 0)
        err = store_begin(w->primo->store, false, &txn, &why);
    if (err == 0) {
        blob_get(txn, w->run, RUN_GROUPS, &job.groups);
        store_abort(txn);
        serving_job_fill(&w->target.machine, &w->text, r->segment + 1, w->told,
                         &job);
        job.uid = (uid_t)s->run_uid;
        job.gid = (gid_t)s->run_gid;
        err = w->target.site->launcher->start(&w->target, w->run, &job, &why);
    }
    text_release(&job.job);
    text_release(&job.template);
    text_release(&job.groups);
    w->not_before = monotonic_now() + (err ? 1 : 0);
    if (is_worth_waiting(r, err))
        return;
    if (err)
        fail(w, why.sentence, err == -EHOSTUNREACH);
    else
        say(w, &(struct word){.event = LIFE_EVENTS, .loaded = 1});
    w->died = false;
}

/* Losing */

/* Answers the one request with which workers have died. */
static void bury(struct serving_watch *w, const struct told_request *t)
{
    struct answer a = {.request = t->request, .revision = t->revision};
    strcpy(a.code, "worker_died");
    snprintf(a.error, sizeof a.error, "%s",
             _("the program that reads it died twice of it"));
    serving_answer(w, &a);
}

/* Whether the replica is given up, as its workers die over and over. They may
 * die of what they read, and then the next one gets something else; unless
 * others answer meanwhile. */
static bool has_lost_enough(struct serving_watch *w, const struct replica *r)
{
    return r->losses + 1 >= LOSSES &&
           (!sharing_count(w->sharing, w->run) ||
            sharing_others_ready(w->sharing, w->run));
}

static void lose(struct serving_watch *w, const struct replica *r)
{
    struct text line = TEXT_INIT, words = TEXT_INIT;
    struct told_request died_of;
    bool meant =
        w->target.site->launcher->last_words(&w->target, w->run, &words);
    bool enough = meant || has_lost_enough(w, r);
    text_puts(&line, _("the worker ended unexpectedly"));
    if (words.size)
        text_printf(&line, " (%.600s)", words.data);
    text_resize(&line, utf8_valid(line.data, line.size));
    w->given = 0;
    w->died = true;
    if (sharing_lost(w->sharing, w->run, &died_of))
        bury(w, &died_of);
    say(w, &(struct word){.event = enough ? LIFE_ENDED_FAILED : LIFE_EVENTS,
                          .line = text_string(&line),
                          .reason = enough ? text_string(&line) : NULL,
                          .losses = 1,
                          .loaded = 0});
    w->not_before = monotonic_now() + (double)r->losses;
    text_release(&words);
    text_release(&line);
}

/* Rounds */

static void stop(struct serving_watch *w)
{
    if (!w->stop_time &&
        w->target.site->launcher->stop(&w->target, w->run, NULL) == 0)
        w->stop_time = monotonic_now();
}

/* Asks the worker to leave memory when nothing has come for long. */
static void idle(struct serving_watch *w)
{
    double most, now = monotonic_now();
    if (!param_span(settings_get(&w->text, KEY_SERVICE_IDLE), &most) ||
        now - w->last_used < most || w->stop_time)
        return;
    stop(w);
    if (w->stop_time)
        sharing_set_ready(w->sharing, w->run, false);
}

static void leave_in_time(struct serving_watch *w)
{
    if (w->stop_time && monotonic_now() - w->stop_time > LAUNCH_STOP_SECONDS)
        w->target.site->launcher->kill(&w->target, w->run);
}

static int serve_alive(struct serving_watch *w, const struct replica *r)
{
    struct reason why = REASON_INIT;
    if (!r->loaded && !w->ended)
        say(w, &(struct word){.event = LIFE_EVENTS, .loaded = 1});
    if (w->stop_time || w->ended) {
        leave_in_time(w);
        return START_MS;
    }
    if (sharing_silence(w->sharing, w->run) > HANGS_SECONDS) {
        w->target.site->launcher->kill(&w->target, w->run);
        return START_MS;
    }
    int err = monotonic_now() < w->tell_after ? 0 : serving_tell(w, &why);
    if (err && err != -EHOSTUNREACH)
        say(w, &(struct word){
                   .event = LIFE_EVENTS, .line = why.sentence, .loaded = -1});
    if (serving_has_work(w)) {
        w->last_used = monotonic_now();
        return SOON_MS;
    }
    if (r->status == STATUS_STARTING)
        return START_MS; /* it may wait in a queue */
    idle(w);
    return REST_MS;
}

/* Whether a worker that is not there is to be started. One that died comes back
 * even where others have taken what it had. */
static bool is_wanted(struct serving_watch *w, const struct replica *r)
{
    return r->status == STATUS_STARTING ||
           (w->died && sharing_has_several(w->sharing)) ||
           !strcmp(settings_get(&w->text, KEY_SERVICE_IDLE), "never") ||
           (serving_has_work(w) &&
            !sharing_others_have_room(w->sharing, w->run));
}

/* The worker is not there: it died, it has left memory, or it was never
 * started. */
static int serve_gone(struct serving_watch *w, const struct serving *s,
                      const struct replica *r)
{
    bool left = w->stop_time || w->ended;
    if (r->loaded && !left) {
        lose(w, r);
        return START_MS;
    }
    if (r->loaded || left) {
        serving_told_forget(w);
        w->stop_time = 0;
        w->ended = false;
        say(w, &(struct word){.event = LIFE_EVENTS,
                              .line = _("the worker has left memory"),
                              .loaded = 0});
    }
    if (is_wanted(w, r)) {
        launch(w, s, r);
        return SOON_MS;
    }
    return serving_has_work(w) ? START_MS : REST_MS;
}

/* The machine is out of reach. Its worker may go on all the same, so that only
 * one that was never started is started; but nobody knows when its answers
 * come, so that others answer what was with it. */
static int serve_unreached(struct serving_watch *w, const struct serving *s,
                           const struct replica *r)
{
    sharing_excuse(w->sharing, w->run);
    if (sharing_has_several(w->sharing))
        serving_told_forget(w);
    if (r->status == STATUS_STARTING && !r->loaded)
        launch(w, s, r);
    return UNREACHED_MS;
}

/* Whether a machine of several has been switched off since the service was
 * started: the others answer then. */
static bool is_off(struct serving_watch *w, const struct replica *r,
                   struct reason *why)
{
    struct settings machine;
    struct store_txn *txn;
    if (!sharing_has_several(w->sharing) ||
        store_begin(w->primo->store, false, &txn, NULL))
        return false;
    settings_init(&machine);
    int err = machine_load(txn, r->machine, &machine, NULL, why);
    store_abort(txn);
    settings_release(&machine);
    return err == -EBUSY;
}

static int serve_off(struct serving_watch *w, int alive, const char *sentence)
{
    serving_told_forget(w);
    if (alive <= 0) {
        w->stop_time = 0;
        fail(w, sentence, true);
        return REST_MS;
    }
    stop(w);
    leave_in_time(w);
    return START_MS;
}

/* The replica has failed, and others go on. A machine that was not reached may
 * be by now, and one that was switched off may be on. */
static int serve_failed(struct serving_watch *w, const struct replica *r,
                        int alive)
{
    serving_told_forget(w);
    if (r->away && alive != -EHOSTUNREACH && !is_off(w, r, NULL))
        say(w, &(struct word){.event = LIFE_START, .loaded = 0});
    return REST_MS;
}

static int serve_round(struct serving_watch *w, const struct serving *s,
                       const struct replica *r, int alive)
{
    struct reason why = REASON_INIT;
    if (!status_is_live(r->status))
        return serve_failed(w, r, alive);
    if (is_off(w, r, &why))
        return serve_off(w, alive, why.sentence);
    text_take(w, s);
    int err = model_take(w, s, &why);
    if (err && !w->model.version) {
        fail(w, why.sentence, false);
        return REST_MS;
    }
    return alive > 0                ? serve_alive(w, r)
           : alive == -EHOSTUNREACH ? serve_unreached(w, s, r)
                                    : serve_gone(w, s, r);
}

/* Whoever stops a service must not wait for a machine that may never come back:
 * the launcher tells its worker to stop when it does. */
static int stop_unreached(struct serving_watch *w)
{
    if (!w->stop_time)
        w->stop_time = monotonic_now();
    if (monotonic_now() - w->stop_time > UNREACHED_PATIENCE)
        say(w, &(struct word){
                   .event = LIFE_ENDED_STOPPED,
                   .line = _("the machine is out of reach: its worker is told "
                             "to stop when it is there again, and stops by "
                             "itself after a day"),
                   .loaded = 0});
    return UNREACHED_MS;
}

static int stop_round(struct serving_watch *w, const struct replica *r,
                      int alive)
{
    if (!status_is_live(r->status))
        return REST_MS; /* the others have not ended yet */
    if (alive == -EHOSTUNREACH)
        return stop_unreached(w);
    if (alive > 0) {
        stop(w);
        leave_in_time(w);
    } else {
        say(w, &(struct word){.event = LIFE_ENDED_STOPPED, .loaded = 0});
    }
    return START_MS;
}

int serving_watch_round(struct serving_watch *w)
{
    struct serving s;
    /* This comes before the journal is read: see watch_round(). */
    int alive = w->target.site->launcher->alive(&w->target, w->run);
    bool more = serving_follow(w);
    int err = serving_read(w->primo->store, w->service, &s, NULL);
    const struct replica *r = serving_replica(&s, w->run);
    if (err == -ENOENT || (err == 0 && (!r || !status_is_live(s.status))))
        return -1;
    if (err || (alive < 0 && alive != -EHOSTUNREACH))
        return START_MS;
    if (more)
        return 0;
    int ms = status_wish(s.status) == WISH_STOP ? stop_round(w, r, alive)
                                                : serve_round(w, &s, r, alive);
    return w->over ? -1 : ms;
}

/* Life cycle */

int serving_watch_open(struct serving_watch *w, struct primo *primo,
                       const struct serving *s, const struct replica *r,
                       struct sharing *sharing)
{
    struct reason why = REASON_INIT;
    *w = (struct serving_watch){
        .primo = primo, .sharing = sharing, .service = s->id, .run = r->run};
    sharing_join(sharing, r->run);
    settings_init(&w->text);
    settings_init(&w->target.machine);
    w->last_used = monotonic_now();
    int err = serving_target_load(primo, r, &w->target, &why);
    if (err)
        fail(w, why.sentence, false);
    if (err)
        serving_watch_release(w);
    return err;
}

void serving_watch_release(struct serving_watch *w)
{
    sharing_leave(w->sharing, w->run);
    settings_release(&w->text);
    settings_release(&w->target.machine);
    answer_model_release(&w->model);
    answer_model_release(&w->before);
}
