#include "core/process/watch.h"

#include "core/basic/clock.h"
#include "core/basic/file.h"
#include "core/basic/language.h"
#include "core/models/base_file.h"
#include "core/process/follow.h"
#include "core/process/publish.h"
#include "core/store/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_MS = 100,
    LOSSES = 4,        /* trainers lost in a row, without a checkpoint */
    PUBLISH_RETRY = 5, /* seconds between tries on a full disk */
    PUBLISH_TRIES = 60,
    /* Rounds that read a dead trainer's journal before it is given up: more
     * than a month's training can have written. */
    TAIL_ROUNDS = 4096,
};

/* Changes that watching makes to a record */

struct verdict {
    enum life_event event;
    const char *line;   /* for the log, NULL = none */
    const char *reason; /* of a failure, NULL = none */
    int losses;         /* to add */
    bool wanted;        /* a trainer is to be started */
};

static int verdict_put(struct watch *w, struct store_txn *txn,
                       const struct verdict *v, struct reason *why)
{
    struct process p;
    int err = process_load_run(txn, w->process, w->run, &p, why);
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
        err = end_event_add(txn, w->primo->owner, &p, why);
    process_release(&p);
    return err;
}

static int verdict_once(struct watch *w, const struct verdict *v,
                        struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(w->primo->store, true, &txn, why);
    if (err)
        return err;
    err = verdict_put(w, txn, v, why);
    return store_end(txn, err, why);
}

/* A full disk gives up the reserve first, as an end must be written down; other
 * errors are left to the next round, which comes to the same verdict. */
static void verdict_apply(struct watch *w, const struct verdict *v)
{
    int err = verdict_once(w, v, NULL);
    if (is_full(err) && store_give_reserve(w->primo->store))
        verdict_once(w, v, NULL);
}

static void fail(struct watch *w, const char *sentence)
{
    struct verdict v = {
        .event = LIFE_ENDED_FAILED, .line = sentence, .reason = sentence};
    verdict_apply(w, &v);
}

/* Starting */

static int job_load(struct watch *w, struct run_job *job, struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(w->primo->store, false, &txn, why);
    if (err)
        return err;
    if (blob_get(txn, w->run, RUN_TEMPLATE, &job->template) ||
        blob_get(txn, w->run, RUN_TYPE, &job->type) ||
        blob_get(txn, w->run, RUN_JOB, &job->job))
        err = refuse(why, EIO, "the run's template is not in the store");
    blob_get(txn, w->run, RUN_GROUPS, &job->groups); /* newer than some runs */
    store_abort(txn);
    job->base_dir = w->primo->bases_dir;
    if (!base_held(w->primo, w->run, job->base))
        job->base[0] = 0;
    return err;
}

static int launched_put(struct watch *w, struct store_txn *txn)
{
    struct process p;
    int err = process_load_run(txn, w->process, w->run, &p, NULL);
    if (err)
        return err;
    p.wanted = false;
    err = process_save(txn, &p, NULL);
    process_release(&p);
    return err;
}

/* Note that the trainer is there. Where that fails, the next round finds it
 * living and notes it then. */
static void note_launched(struct watch *w)
{
    struct store_txn *txn;
    if (store_begin(w->primo->store, true, &txn, NULL))
        return;
    store_end(txn, launched_put(w, txn), NULL);
}

static void launch(struct watch *w, const struct process *p)
{
    struct reason why = REASON_INIT;
    struct run_job job = {0};
    if (monotonic_now() < w->not_before)
        return;
    job.uid = (uid_t)p->run_uid;
    job.gid = (gid_t)p->run_gid;
    int err = job_load(w, &job, &why);
    /* behind all that was read, also where the segment itself is lost */
    text_printf(&job.job, "%s = %llu\n", params[KEY_SEGMENT].key,
                (unsigned long long)p->segment + 1);
    if (err == 0)
        err = w->target.site->launcher->start(&w->target, w->run, &job, &why);
    text_release(&job.job);
    text_release(&job.template);
    text_release(&job.type);
    text_release(&job.groups);
    w->stop_asked = false;
    if (err)
        fail(w, why.sentence);
    else
        note_launched(w);
}

/* It is there already: the daemon before had started it, or noting it failed.
 */
static void found_alive(struct watch *w, const struct process *p)
{
    if (p->wanted)
        note_launched(w);
}

/* Losing */

static void put_lost(struct watch *w, struct text *line)
{
    struct text words = TEXT_INIT;
    w->target.site->launcher->last_words(&w->target, w->run, &words);
    text_puts(line, _("the trainer has gone without a last word"));
    if (words.size)
        text_printf(line, " (%.600s)", words.data);
    text_release(&words);
}

/* The trainer is gone and has not said why. `then` is what happens now, for the
 * log, where it was not lost too often. */
static void lose(struct watch *w, const struct process *p, const char *then)
{
    struct text line = TEXT_INIT;
    bool enough = p->losses + 1 >= LOSSES;
    put_lost(w, &line);
    if (enough)
        text_printf(&line,
                    P_(", %d time without progress",
                       ", %d times without progress", LOSSES),
                    LOSSES);
    else
        text_puts(&line, then);
    text_resize(&line, utf8_valid(line.data, line.size));
    struct verdict v = {.event = enough ? LIFE_ENDED_FAILED : LIFE_LOST,
                        .line = text_string(&line),
                        .reason = enough ? text_string(&line) : NULL,
                        .losses = 1,
                        .wanted = !enough};
    verdict_apply(w, &v);
    w->not_before =
        monotonic_now() + (p->losses ? (double)(p->losses * 2) : 0.2);
    text_release(&line);
}

static void lost(struct watch *w, const struct process *p)
{
    lose(w, p, _("; it is started again"));
}

/* It was to end, and has. */
static void lost_stopping(struct watch *w, const struct process *p)
{
    lose(w, p, "");
}

/* Publishing */

static int publish_once(struct watch *w, struct text *line, struct reason *why)
{
    int err = model_publish(w->primo, &w->target, w->process, w->run, why);
    w->publish_tries += err != 0;
    if (err)
        text_printf(line, _("the model cannot be saved: %s"), why->sentence);
    return err;
}

/* A disk that is full is waited for. */
static void publish(struct watch *w, const struct process *p)
{
    struct reason why = REASON_INIT;
    struct text line = TEXT_INIT;
    if (monotonic_now() < w->not_before)
        return;
    int err = publish_once(w, &line, &why);
    w->not_before = monotonic_now() + PUBLISH_RETRY;
    if (err && (!is_full(err) || w->publish_tries >= PUBLISH_TRIES))
        fail(w, text_string(&line));
    else if (err && w->publish_tries == 1)
        refusals_add(&w->primo->refusals, (uid_t)p->author, "models", &why);
    text_release(&line);
}

/* Whoever stops a process must not wait for room on a disk: a model that does
 * not fit now is left in the run directory, and `resume` publishes it. */
static void publish_or_stop(struct watch *w, const struct process *p)
{
    struct reason why = REASON_INIT;
    struct text line = TEXT_INIT;
    (void)p;
    if (w->publish_tries || publish_once(w, &line, &why)) {
        struct verdict v = {.event = LIFE_ENDED_STOPPED,
                            .line = line.size ? text_string(&line) : NULL};
        verdict_apply(w, &v);
    }
    text_release(&line);
}

/* Stopping */

static void ask_to_stop(struct watch *w, const struct process *p)
{
    const struct launcher *launcher = w->target.site->launcher;
    (void)p;
    if (!w->stop_asked) {
        w->stop_asked = launcher->stop(&w->target, w->run, NULL) == 0;
        w->stop_time = monotonic_now();
    } else if (monotonic_now() - w->stop_time > LAUNCH_STOP_SECONDS) {
        launcher->kill(&w->target, w->run);
        w->stop_time = monotonic_now();
    }
}

/* What is to be done: what the process wants (life.c) x how its trainer is. An
 * empty cell waits. */

enum trainer {
    TRAINER_UNKNOWN,   /* the launcher cannot tell now */
    TRAINER_AWAITED,   /* it is not there, and is to be started */
    TRAINER_ALIVE,     /* it works */
    TRAINER_UNREAD,    /* it is gone, and its last word may still be unread */
    TRAINER_GONE,      /* it is gone without a last word */
    TRAINER_SUCCEEDED, /* its last word is that it has succeeded */
    TRAINERS,
};

typedef void watch_step(struct watch *w, const struct process *p);

static watch_step *const steps[WISHES][TRAINERS] = {
    [WISH_TRAIN] =
        {
            [TRAINER_AWAITED] = launch,
            [TRAINER_ALIVE] = found_alive,
            [TRAINER_GONE] = lost,
            [TRAINER_SUCCEEDED] = publish,
        },
    [WISH_STOP] =
        {
            [TRAINER_AWAITED] = lost_stopping,
            [TRAINER_ALIVE] = ask_to_stop,
            [TRAINER_UNREAD] = lost_stopping,
            [TRAINER_GONE] = lost_stopping,
            [TRAINER_SUCCEEDED] = publish_or_stop,
        },
};

/* `alive` is what the launcher says; `unread` that there is more to read. */
static enum trainer trainer_of(const struct watch *w, const struct process *p,
                               int alive, bool unread)
{
    if (w->succeeded)
        return TRAINER_SUCCEEDED;
    if (alive)
        return alive > 0 ? TRAINER_ALIVE : TRAINER_UNKNOWN;
    if (unread)
        return TRAINER_UNREAD;
    return p->wanted ? TRAINER_AWAITED : TRAINER_GONE;
}

/* Read on in the journal. Returns whether it is to be read again before a
 * trainer that is gone may be called lost; *at_once: without waiting. A journal
 * that cannot be taken over, as on a full disk, is tried again at the next
 * round, however long that takes. */
static bool follow(struct watch *w, bool *at_once)
{
    struct follow_state state = {0};
    *at_once = false;
    if (w->succeeded) /* that was its last word */
        return false;
    if (run_follow(w->primo, &w->target, w->process, w->run, &state, NULL))
        return true;
    w->succeeded = state.succeeded;
    *at_once = state.more;
    return state.more && w->tail < TAIL_ROUNDS;
}

int watch_round(struct watch *w)
{
    struct process p;
    bool at_once;
    /* This is asked before the journal is read: what a dead trainer has said is
     * all read then. Asked afterwards, it could say its last word and die in
     * between, and would be taken for lost. */
    int alive = w->target.site->launcher->alive(&w->target, w->run);
    bool unread = follow(w, &at_once);
    w->tail += unread && alive == 0;
    int err = process_read(w->primo->store, w->process, &p, NULL);
    if (err)
        return err == -ENOENT ? -1 : POLL_MS;
    bool over = p.run != w->run || !status_is_live(p.status);
    watch_step *step =
        steps[status_wish(p.status)][trainer_of(w, &p, alive, unread)];
    if (!over && step)
        step(w, &p);
    process_release(&p);
    return over ? -1 : at_once ? 0 : POLL_MS;
}

/* Life cycle */

/* The settings of the machine are those of the start, also when the file in
 * machines/ has been changed since: a run stays where it is. Runs of older
 * versions have none; they are on this host. */
static int target_load(struct watch *w, const struct process *p,
                       struct reason *why)
{
    struct store_txn *txn;
    struct text text = TEXT_INIT;
    settings_init(&w->target.machine);
    w->target.site = launch_site_find(&w->primo->sites, p->launcher);
    if (!w->target.site)
        return refuse(why, EINVAL, "its launcher is not known to this version");
    int err = store_begin(w->primo->store, false, &txn, why);
    if (err)
        return err;
    err = blob_get(txn, p->run, RUN_MACHINE, &text);
    store_abort(txn);
    if (err == 0)
        err = settings_parse(&w->target.machine, text_string(&text), text.size,
                             SCOPE_MACHINE, "machine", why);
    else if (err == -ENOENT)
        err = 0;
    text_release(&text);
    return err;
}

int watch_open(struct watch *w, struct primo *primo, const struct process *p,
               struct reason *why)
{
    *w = (struct watch){.primo = primo, .process = p->id, .run = p->run};
    int err = target_load(w, p, why);
    if (err == -EINVAL)
        fail(w, why->sentence);
    if (err)
        watch_release(w);
    return err;
}

void watch_release(struct watch *w)
{
    settings_release(&w->target.machine);
}
