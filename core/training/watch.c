#include "core/training/watch.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/models/base_file.h"
#include "core/store/stream.h"
#include "core/system/file.h"
#include "core/training/follow.h"
#include "core/training/publish.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_MS = 100,
    LOSSES = 4,        /* trainers lost in a row, without a checkpoint */
    LAUNCH_RETRY = 1,  /* seconds; where the failure could not be noted */
    PUBLISH_RETRY = 5, /* seconds between tries on a full disk */
    PUBLISH_TRIES = 60,
    PUBLISH_PATIENCE = 3, /* seconds that a stop leaves it to end */
    PUBLISH_MS = 10,      /* between looks whether it has */
    READ_AGAIN_MS = 2,    /* a pause in which others get to write */
    FOLLOW_RETRY = 1,     /* seconds between tries to take over a journal */
    /* Rounds that read a dead trainer's journal before it is given up: more
     * than a month's training can have written. */
    TAIL_ROUNDS = 4096,
    UNREACHED_PATIENCE = 4, /* seconds that a stop waits for the machine */
};

/* Changes to the record */

struct verdict {
    enum life_event event;
    const char *line;   /* for the log, NULL = none */
    const char *reason; /* why the run failed, NULL = it did not */
    int losses;         /* is added to the count of lost trainers */
    bool wanted;        /* a trainer is to be started */
    bool passed;        /* skip the report of success: the next segment of the
                         * journal, by a resumed trainer, counts instead */
};

/* A trainer that was lost, and that is started again. */
static int lost_event_add(struct watch *w, struct store_txn *txn,
                          const struct process *p, const char *line,
                          struct reason *why)
{
    struct text what = TEXT_INIT;
    text_printf(&what, "trainer lost: %s", line);
    int err = process_event(txn, p, w->primo->owner, text_string(&what), why);
    text_release(&what);
    return err;
}

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
    if (v->passed) {
        p.segment++;
        p.offset = 0;
    }
    if (v->reason)
        snprintf(p.reason, sizeof p.reason, "%s", v->reason);
    if (err == 0 && v->line)
        err = log_add(txn, &p, unix_now(), v->line, why);
    if (err == 0)
        err = process_save(txn, &p, why);
    w->ended = !status_is_live(p.status);
    if (err == 0 && v->event == LIFE_LOST && !w->ended)
        err = lost_event_add(w, txn, &p, v->line, why);
    if (err == 0 && w->ended)
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
    err = store_end(txn, verdict_put(w, txn, v, why), why);
    w->ended &= err == 0;
    return err;
}

/* On a full disk, the reserve is spent first, because the end of a run must be
 * recorded. Any other error is left to the next round, which will come to the
 * same verdict. */
static void verdict_apply(struct watch *w, const struct verdict *v)
{
    int err = verdict_once(w, v, NULL);
    if (store_makes_room(w->primo->store, err))
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
    blob_get(txn, w->run, RUN_GROUPS, &job->groups); /* older runs lack it */
    store_abort(txn);
    job->base_dir = w->primo->bases_dir;
    if (!base_held(w->primo, w->run, job->base))
        job->base[0] = 0;
    return err;
}

static int launched_put(struct watch *w, struct store_txn *txn,
                        const struct text *script)
{
    struct process p;
    int err = process_load_run(txn, w->process, w->run, &p, NULL);
    if (err)
        return err;
    p.wanted = false;
    p.changed = time_after(p.changed);
    if (script->size)
        err = blob_put(txn, w->run, RUN_SCRIPT, text_string(script),
                       script->size, NULL);
    if (err == 0)
        err = process_save(txn, &p, NULL);
    process_release(&p);
    return err;
}

/* Notes in the record that the trainer runs. If this fails, the next round
 * finds it alive and notes it then. */
static void note_launched(struct watch *w)
{
    struct store_txn *txn;
    struct text script = TEXT_INIT;
    if (w->target.site->launcher->script)
        w->target.site->launcher->script(&w->target, w->run, &script);
    if (store_begin(w->primo->store, true, &txn, NULL) == 0)
        store_end(txn, launched_put(w, txn, &script), NULL);
    text_release(&script);
}

/* A machine that is out of reach: whoever has just started or resumed the
 * training is told so. One that was lost, as after a reboot of its host, waits
 * until the host is there again. */
static bool is_worth_waiting(const struct process *p, int err)
{
    return err == -EINPROGRESS || (err == -EHOSTUNREACH && p->losses > 0);
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
    /* The new segment follows all that has been read, even if the old segments
     * are lost. */
    text_printf(&job.job, "%s = %llu\n", params[KEY_SEGMENT].key,
                (unsigned long long)p->segment + 1);
    if (err == 0)
        err = w->target.site->launcher->start(&w->target, w->run, &job, &why);
    text_release(&job.job);
    text_release(&job.template);
    text_release(&job.type);
    text_release(&job.groups);
    w->stop_asked = false;
    w->stop_time = 0;
    if (err)
        w->not_before = monotonic_now() + LAUNCH_RETRY;
    if (is_worth_waiting(p, err))
        return;
    /* It may have been started all the same, or still run from before. */
    if (err == -EHOSTUNREACH)
        w->target.site->launcher->kill(&w->target, w->run);
    if (err)
        fail(w, why.sentence);
    else
        note_launched(w);
}

/* The trainer runs although the record still wants one: an earlier daemon
 * started it and did not get to note that, or noting it failed. */
static void found_alive(struct watch *w, const struct process *p)
{
    if (p->wanted)
        note_launched(w);
}

/* Losing */

/* Returns whether somebody there has ended it, who is not to find it started
 * again. While it stops, that may be so because of the stop. */
static bool put_lost(struct watch *w, bool stopping, struct text *line)
{
    struct text words = TEXT_INIT;
    bool meant =
        w->target.site->launcher->last_words(&w->target, w->run, &words);
    text_puts(line, stopping && meant ? _("the trainer ended")
                                      : _("the trainer ended unexpectedly"));
    if (words.size)
        text_printf(line, " (%.600s)", words.data);
    text_release(&words);
    return meant && !stopping;
}

/* The trainer has died without reporting why. `then` tells the log what happens
 * next, unless trainers have been lost too often by now. */
static void lose(struct watch *w, const struct process *p, const char *then)
{
    struct text line = TEXT_INIT;
    bool meant = put_lost(w, status_wish(p->status) == WISH_STOP, &line);
    bool often = p->losses + 1 >= LOSSES, enough = meant || often;
    if (often)
        text_printf(&line,
                    P_(", %d time without progress",
                       ", %d times without progress", LOSSES),
                    LOSSES);
    else if (!meant)
        text_puts(&line, then);
    text_resize(&line, utf8_valid(line.data, line.size));
    struct verdict v = {.event = enough ? LIFE_ENDED_FAILED : LIFE_LOST,
                        .line = text_string(&line),
                        .reason = enough ? text_string(&line) : NULL,
                        .losses = 1,
                        .wanted = !enough};
    verdict_apply(w, &v);
    /* The first restart comes almost at once; later ones wait longer and
     * longer, in case what killed the trainer (such as a lack of memory)
     * passes. */
    w->not_before =
        monotonic_now() + (p->losses ? (double)(p->losses * 2) : 0.2);
    text_release(&line);
}

static void lost(struct watch *w, const struct process *p)
{
    lose(w, p, _("; it is started again"));
}

/* The trainer was asked to end, and is gone. */
static void lost_stopping(struct watch *w, const struct process *p)
{
    lose(w, p, "");
}

/* Nor was it started. What is done to start it ends. */
static void unstarted_stopping(struct watch *w, const struct process *p)
{
    w->target.site->launcher->kill(&w->target, w->run);
    lost_stopping(w, p);
}

/* The trainer is gone, and the end of its journal has not been read yet. A
 * store that does not take it, or a journal without an end, must not delay the
 * stop for long. */
static void unread_stopping(struct watch *w, const struct process *p)
{
    if (!w->stop_time)
        w->stop_time = monotonic_now();
    w->follow_after = 0;
    if (w->follow_failures > 1 ||
        monotonic_now() - w->stop_time > LAUNCH_STOP_SECONDS)
        lost_stopping(w, p);
}

/* Publishing. On a slow disk it takes long, and so it has a thread of its own:
 * whoever stops the process does not wait for it. */

struct publishing {
    struct primo *primo;
    const struct launch_target *target;
    uint64_t process, run;
    pthread_t thread;
    bool threaded;         /* false: no thread could be started */
    _Atomic bool done;     /* err and why are set */
    _Atomic bool given_up; /* nobody wants the model any more */
    int err;
    struct reason why;
};

static void *publishing_run(void *context)
{
    struct publishing *p = context;
    p->err = model_publish(p->primo, p->target, p->process, p->run,
                           &p->given_up, &p->why);
    p->done = true;
    return NULL;
}

static void publishing_begin(struct watch *w)
{
    struct publishing *p = xcalloc(1, sizeof *p);
    p->primo = w->primo;
    p->target = &w->target;
    p->process = w->process;
    p->run = w->run;
    p->threaded = !pthread_create(&p->thread, NULL, publishing_run, p);
    if (!p->threaded)
        publishing_run(p);
    w->publishing = p;
}

/* Waits for the publishing to end and returns its result. */
static int publishing_end(struct watch *w, struct reason *why)
{
    struct publishing *p = w->publishing;
    if (p->threaded)
        pthread_join(p->thread, NULL);
    int err = p->err;
    if (why)
        *why = p->why;
    w->publishing = NULL;
    w->publish_tries += err != 0;
    w->not_before = monotonic_now() + PUBLISH_RETRY;
    free(p);
    return err;
}

static int waiting_put(struct watch *w, struct store_txn *txn,
                       const char *sentence, struct reason *why)
{
    struct process p;
    int err = process_load_run(txn, w->process, w->run, &p, why);
    if (err)
        return err;
    snprintf(p.reason, sizeof p.reason, "%s", sentence);
    err = log_add(txn, &p, unix_now(), sentence, why);
    p.changed = time_after(p.changed);
    if (err == 0)
        err = process_save(txn, &p, why);
    process_release(&p);
    return err;
}

/* Lets progress, info and log say what the process waits for. On a full disk
 * this may fail as well, and is tried again with the next try to publish. */
static void tell_waiting(struct watch *w, const char *sentence)
{
    struct store_txn *txn;
    if (w->waiting_told || store_begin(w->primo->store, true, &txn, NULL))
        return;
    int err = waiting_put(w, txn, sentence, NULL);
    w->waiting_told = store_end(txn, err, NULL) == 0;
}

static void publish_fail(struct watch *w, const char *line, bool damaged)
{
    struct verdict v = {.event = LIFE_ENDED_FAILED,
                        .line = line,
                        .reason = line,
                        .passed = damaged};
    verdict_apply(w, &v);
}

/* While the disk is full, publishing is tried again for PUBLISH_TRIES times,
 * and while the machine is out of reach, for as long as that takes;
 * any other error fails the run. A file that was damaged after it was written
 * will be written again by a trainer that continues from the last checkpoint.
 */
static void publish_failed(struct watch *w, const struct process *p, int err,
                           const struct reason *why)
{
    struct text line = TEXT_INIT;
    text_printf(&line, _("the model cannot be saved: %s"), why->sentence);
    if (w->publish_tries == 1)
        refusals_add(&w->primo->refusals, (uid_t)p->author, "models", why);
    if (err == -EHOSTUNREACH ||
        (is_full(err) && w->publish_tries < PUBLISH_TRIES))
        tell_waiting(w, text_string(&line));
    else
        publish_fail(w, text_string(&line), err == -EBADMSG);
    text_release(&line);
}

static void publish(struct watch *w, const struct process *p)
{
    struct reason why = REASON_INIT;
    if (!w->publishing && monotonic_now() >= w->not_before)
        publishing_begin(w);
    if (!w->publishing || !w->publishing->done)
        return;
    int err = publishing_end(w, &why);
    if (err)
        publish_failed(w, p, err, &why);
}

static void publish_abandon(struct watch *w, const char *line)
{
    struct verdict v = {.event = LIFE_ENDED_STOPPED, .line = line};
    verdict_apply(w, &v);
}

/* Whoever stops a process must not wait until there is room on the disk, or
 * until a slow disk is done: a model that is not saved now stays in the run
 * directory, and `resume` publishes it. */
static void publish_or_stop(struct watch *w, const struct process *p)
{
    struct reason why = REASON_INIT;
    struct text line = TEXT_INIT;
    double now = monotonic_now();
    (void)p;
    if (!w->stop_time)
        w->stop_time = now;
    if (!w->publishing && !w->publish_tries)
        publishing_begin(w);
    if (!w->publishing) {
        publish_abandon(w, NULL);
    } else if (w->publishing->done) {
        if (publishing_end(w, &why)) {
            text_printf(&line, _("the model cannot be saved: %s"),
                        why.sentence);
            publish_abandon(w, text_string(&line));
        }
    } else if (now - w->stop_time > PUBLISH_PATIENCE) {
        publish_abandon(w, _("the model is not saved yet: the disk is slow; "
                             "resume saves it"));
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

/* The machine is out of reach. Its trainer may go on all the same, so that only
 * one that was never started is started. */
static void unreached(struct watch *w, const struct process *p)
{
    if (p->wanted)
        launch(w, p);
}

/* Whoever stops a process must not wait for a machine that may never come back:
 * the launcher tells its trainer to stop when it does. A resumed training that
 * finds the trainer alive goes on with it. */
static void unreached_stopping(struct watch *w, const struct process *p)
{
    struct verdict v = {
        .event = LIFE_ENDED_STOPPED,
        .line = _("the machine is out of reach: its trainer is told to stop "
                  "when it is there again, and stops by itself after a day")};
    if (!w->stop_time)
        w->stop_time = monotonic_now();
    if (!p->wanted && monotonic_now() - w->stop_time <= UNREACHED_PATIENCE)
        return;
    w->target.site->launcher->kill(&w->target, w->run);
    verdict_apply(w, &v);
}

/* What to do: what the process wants (life.c) x the state of its trainer. In an
 * empty cell there is nothing to do but wait. */

enum trainer {
    TRAINER_UNKNOWN,   /* the launcher cannot tell now */
    TRAINER_UNREACHED, /* nor will it soon: the machine is out of reach */
    TRAINER_AWAITED,   /* it does not run, and is to be started */
    TRAINER_ALIVE,     /* it runs */
    TRAINER_UNREAD,    /* it is gone; the report of its end may be unread */
    TRAINER_GONE,      /* it is gone and did not report how it ended */
    TRAINER_SUCCEEDED, /* it has reported success */
    TRAINERS,
};

typedef void watch_step(struct watch *w, const struct process *p);

static watch_step *const steps[WISHES][TRAINERS] = {
    [WISH_TRAIN] =
        {
            [TRAINER_UNREACHED] = unreached,
            [TRAINER_AWAITED] = launch,
            [TRAINER_ALIVE] = found_alive,
            [TRAINER_GONE] = lost,
            [TRAINER_SUCCEEDED] = publish,
        },
    [WISH_STOP] =
        {
            [TRAINER_UNREACHED] = unreached_stopping,
            [TRAINER_AWAITED] = unstarted_stopping,
            [TRAINER_ALIVE] = ask_to_stop,
            [TRAINER_UNREAD] = unread_stopping,
            [TRAINER_GONE] = lost_stopping,
            [TRAINER_SUCCEEDED] = publish_or_stop,
        },
};

/* `alive` is the launcher's answer; `unread` means that the journal goes on. */
static enum trainer trainer_of(const struct watch *w, const struct process *p,
                               int alive, bool unread)
{
    if (w->succeeded)
        return TRAINER_SUCCEEDED;
    if (alive == -EHOSTUNREACH)
        return TRAINER_UNREACHED;
    if (alive)
        return alive > 0 ? TRAINER_ALIVE : TRAINER_UNKNOWN;
    if (unread)
        return TRAINER_UNREAD;
    return p->wanted ? TRAINER_AWAITED : TRAINER_GONE;
}

/* The store did not take the journal, as on a full disk. The trainer goes on
 * meanwhile, and its journal keeps what it writes. */
static void follow_failed(struct watch *w, const struct reason *why)
{
    struct process p;
    char object[sizeof "processes/" + sizeof p.machine];
    w->follow_after = monotonic_now() + FOLLOW_RETRY;
    if (w->follow_failures++ ||
        process_read(w->primo->store, w->process, &p, NULL))
        return;
    snprintf(object, sizeof object, "processes/%s", p.machine);
    refusals_add(&w->primo->refusals, (uid_t)p.author, object, why);
    process_release(&p);
}

/* Reads on in the journal. Returns whether it must be read again before a
 * trainer that is gone may be counted as lost; *at_once says whether to do so
 * without a pause. A journal that cannot be taken over is tried again every
 * FOLLOW_RETRY seconds, however long that takes. */
static bool follow(struct watch *w, bool *at_once)
{
    struct reason why = REASON_INIT;
    *at_once = false;
    if (w->succeeded) /* nothing follows the report of a success */
        return false;
    if (monotonic_now() < w->follow_after)
        return true;
    if (run_follow(w->primo, &w->target, w->process, w->run, &w->journal,
                   &why)) {
        follow_failed(w, &why);
        return true;
    }
    w->follow_failures = 0;
    w->succeeded = w->journal.succeeded;
    *at_once = w->journal.more;
    return w->journal.more && w->tail < TAIL_ROUNDS;
}

int watch_round(struct watch *w)
{
    struct process p;
    bool at_once = false;
    /* This must be asked before the journal is read: all that a dead trainer
     * has written is then seen. Asked afterwards, a trainer could report
     * success and end in between, and would be taken for lost. */
    int alive = w->target.site->launcher->alive(&w->target, w->run);
    bool unread = alive == -EHOSTUNREACH || follow(w, &at_once);
    w->tail += unread && alive == 0 && !w->follow_failures;
    int err = process_read(w->primo->store, w->process, &p, NULL);
    if (err)
        return err == -ENOENT ? -1 : POLL_MS;
    bool over = w->ended || p.run != w->run || !status_is_live(p.status);
    watch_step *step =
        steps[status_wish(p.status)][trainer_of(w, &p, alive, unread)];
    if (!over && step)
        step(w, &p);
    process_release(&p);
    return over || w->ended ? -1
           : at_once        ? READ_AGAIN_MS
           : w->publishing  ? PUBLISH_MS
                            : POLL_MS;
}

/* Life cycle */

/* A run keeps the machine's settings of its start, even if the file in
 * machines/ has been changed since: the trainer stays where it is. Runs of
 * older versions have no such settings; they are on this host. */
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
    if (w->publishing) {
        w->publishing->given_up = true;
        publishing_end(w, NULL);
    }
    settings_release(&w->target.machine);
}
