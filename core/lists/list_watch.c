#include "core/lists/list_watch.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/inbox/request.h"
#include "core/inbox/spool.h"
#include "core/lists/list_follow.h"
#include "core/report/told_line.h"
#include "core/serve/service.h"
#include "core/serve/serving_run.h"
#include "core/training/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    ROWS_MS = 40, /* rows of so long go into the store together */
    START_MS = 20,
    WAIT_MS = 250,
    WINDOW_LEAST = 2 * TOLD_BATCH,
    WINDOW_MOST = 4096,
    LOSSES = 4, /* workers lost in a row, without a row */
};
/* How long what is allowed takes, as single requests must not wait for it. */
#define WINDOW_SECONDS 0.25
#define RATE_LEAST     (WINDOW_LEAST / WINDOW_SECONDS)
/* A picture may be on a disk that does not answer: the worker is killed then,
 * as it is while it looks into the folders of a list for too long. */
#define ROW_SECONDS  60.0
#define FILE_SECONDS (60.0 + PAGES_SECONDS) /* the same of several pages */
#define PLAN_SECONDS 600.0
/* How long a list waits for its machine to be reached again, before another one
 * begins it anew. */
#define AWAY_SECONDS 30.0

/* Life cycle */

void list_watch_open(struct list_watch *w, struct primo *primo,
                     uint64_t service)
{
    *w = (struct list_watch){.primo = primo, .service = service};
    settings_init(&w->text);
    settings_init(&w->target.machine);
}

void list_watch_release(struct list_watch *w)
{
    settings_release(&w->text);
    settings_release(&w->target.machine);
    answer_model_release(&w->model);
}

static const struct launcher *launcher(const struct list_watch *w)
{
    return w->target.site->launcher;
}

/* The replica that answers the list in work. */
static const struct replica *replica_of(const struct list_watch *w)
{
    const struct serving *s = &w->s;
    for (int i = 0; i < s->replica_count; i++)
        if (!strcmp(s->replicas[i].machine, s->list_machine))
            return &s->replicas[i];
    return &s->replicas[0];
}

static int target_take(struct list_watch *w, const struct replica *r)
{
    if (w->target_run && w->target_run == r->run)
        return 0;
    settings_release(&w->target.machine);
    settings_init(&w->target.machine);
    int err = serving_target_load(w->primo, r, &w->target, NULL);
    w->target_run = err ? 0 : r->run;
    w->away_since = 0;
    return err;
}

static bool is_reached(const struct list_watch *w)
{
    return launcher(w)->alive(&w->target, w->target_run) != -EHOSTUNREACH;
}

/* Takes the first replica that can answer a list as the target. */
static bool target_choose(struct list_watch *w)
{
    for (int i = 0; i < w->s.replica_count; i++)
        if (w->s.replicas[i].status == STATUS_RUNNING &&
            target_take(w, &w->s.replicas[i]) == 0 && is_reached(w))
            return true;
    return false;
}

/* Beginning */

/* The oldest list that waits and is due. */
static int list_next(struct store_txn *txn, uint64_t service, struct object *o,
                     struct request *r)
{
    uint64_t after = 0, id;
    int err;
    while ((err = request_list_waiting(txn, service, &after, &id)) == 0) {
        err = request_load(txn, id, o, r);
        if (err == 0 && r->due <= unix_now())
            return 0;
        object_release(o);
    }
    return err;
}

static int begin_stored(struct list_watch *w, struct store_txn *txn,
                        uint64_t run, struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct request r;
    struct serving s;
    int err = serving_load(txn, w->service, &s, why);
    const struct replica *on = serving_replica(&s, w->target_run);
    if (err == 0 && (s.list || !on))
        err = -EAGAIN;
    if (err == 0)
        err = list_next(txn, w->service, &o, &r);
    if (err == 0)
        err = list_drop(txn, w->service, o.id, why);
    struct list l = {.revision = r.revision,
                     .run = run,
                     .model = s.model,
                     .began = unix_now()};
    l.changed = l.began;
    strcpy(l.called, s.called);
    s.list = o.id;
    s.list_run = run;
    s.list_model = s.model;
    if (on)
        strcpy(s.list_machine, on->machine);
    if (err == 0)
        err = stream_append(txn, list_rows(&l), LIST_HEADER,
                            strlen(LIST_HEADER), why);
    if (err == 0)
        err = list_save(txn, o.id, &l, why);
    object_release(&o);
    return err ? err : serving_save(txn, &s, why);
}

static int begin(struct list_watch *w)
{
    struct store_txn *txn;
    uint64_t run;
    int err = ids_take(&w->primo->ids, w->primo->store, &run, NULL);
    if (err)
        return err;
    pthread_mutex_lock(&w->primo->change);
    err = store_begin(w->primo->store, true, &txn, NULL);
    if (err == 0)
        err = store_end(txn, begin_stored(w, txn, run, NULL), NULL);
    pthread_mutex_unlock(&w->primo->change);
    return err;
}

/* The list in work */

/* Whether it is still the one that is wanted. */
static bool is_wanted(const struct list_watch *w, const struct object *o,
                      const struct request *r)
{
    return o->parent == w->service && r->waits &&
           r->revision == w->list.revision && w->list.run == w->s.list_run;
}

static int current_load(struct list_watch *w, struct object *o,
                        struct request *r)
{
    struct store_txn *txn;
    int err = store_begin(w->primo->store, false, &txn, NULL);
    if (err)
        return err;
    w->request = w->s.list;
    err = request_load(txn, w->request, o, r);
    if (err == 0)
        err = list_load(txn, w->request, &w->list);
    store_abort(txn);
    return err == 0 && !is_wanted(w, o, r) ? -ESTALE : err;
}

static int give_up_stored(struct list_watch *w, struct store_txn *txn,
                          struct reason *why)
{
    struct serving s;
    const struct list l = {.run = w->s.list_run};
    int err = list_drop(txn, w->service, w->s.list, why);
    if (err == 0)
        err = serving_load(txn, w->service, &s, why);
    if (err == 0)
        err = list_leave_work(txn, &s, &l, why);
    return err ? err : serving_save(txn, &s, why);
}

/* Takes the list out of work: it has another revision, or begins anew. */
static void give_up(struct list_watch *w)
{
    struct store_txn *txn;
    launcher(w)->kill(&w->target, w->s.list_run);
    pthread_mutex_lock(&w->primo->change);
    if (store_begin(w->primo->store, true, &txn, NULL) == 0)
        store_end(txn, give_up_stored(w, txn, NULL), NULL);
    pthread_mutex_unlock(&w->primo->change);
}

/* Whether the list is for another machine to answer, from its beginning: its
 * own has failed, or was not reached for long. */
static bool is_for_another(struct list_watch *w)
{
    const struct replica *own = replica_of(w);
    double now = monotonic_now();
    bool another = false;
    for (int i = 0; i < w->s.replica_count; i++)
        another |= &w->s.replicas[i] != own &&
                   w->s.replicas[i].status == STATUS_RUNNING;
    if (!another)
        return false;
    if (!status_is_live(own->status))
        return true;
    if (is_reached(w))
        w->away_since = 0;
    else if (!w->away_since)
        w->away_since = now;
    return w->away_since && now - w->away_since > AWAY_SECONDS;
}

static int model_take(struct list_watch *w)
{
    struct store_txn *txn;
    if (w->model.version && w->model.version == w->list.model)
        return 0;
    int err = store_begin(w->primo->store, false, &txn, NULL);
    if (err)
        return err;
    answer_model_release(&w->model);
    err = answer_model_load(w->primo, txn, w->list.called, &w->model, NULL);
    store_abort(txn);
    return err == 0 && w->model.version != w->list.model ? -ESTALE : err;
}

static void run_begin(struct list_watch *w)
{
    if (w->run == w->list.run)
        return;
    w->run = w->list.run;
    w->seen = w->told_begun = w->heard = false;
    w->until = 0;
    w->news_at = w->rate_at = monotonic_now();
    w->rate_rows = w->list.rows;
    w->rate = RATE_LEAST;
    w->not_before = 0;
}

/* Changes the record of the list alone. */
static int list_change(struct list_watch *w,
                       void (*change)(struct list_watch *w, struct list *l))
{
    struct store_txn *txn;
    struct list l;
    int err = store_begin(w->primo->store, true, &txn, NULL);
    if (err)
        return err;
    err = list_load(txn, w->request, &l);
    if (err == 0 && l.run != w->run)
        err = -ESRCH;
    if (err == 0) {
        change(w, &l);
        err = list_save(txn, w->request, &l, NULL);
    }
    err = store_end(txn, err, NULL);
    if (err == 0)
        w->list = l;
    return err;
}

static void told_count(struct list_watch *w, struct list *l)
{
    (void)w;
    l->told++;
}

/* Telling */

static int lines_tell(struct list_watch *w, const struct text *lines,
                      struct reason *why)
{
    char name[32];
    snprintf(name, sizeof name, TOLD_SEGMENT, (unsigned)w->list.told);
    return launcher(w)->tell(&w->target, w->run, name, lines, why);
}

static struct page_range pages_wanted(const struct list_watch *w)
{
    struct page_range pages;
    param_pages(settings_get(&w->text, KEY_SERVICE_PAGES), &pages);
    return pages;
}

static struct told_line model_line(struct list_watch *w)
{
    struct told_line line = {.kind = TOLD_MODEL,
                             .temperature = w->model.temperature,
                             .top = 1,
                             .pages = pages_wanted(w)};
    snprintf(line.name, sizeof line.name, "model.%llu",
             (unsigned long long)w->list.model);
    return line;
}

/* Tells of other pages, which count from the next file on. */
static void tell_pages(struct list_watch *w)
{
    struct told_line model = model_line(w);
    struct text line = TEXT_INIT;
    if (model.pages.first == w->pages.first &&
        model.pages.last == w->pages.last)
        return;
    told_line_print(&line, &model);
    if (lines_tell(w, &line, NULL) == 0)
        w->pages = model.pages;
    text_release(&line);
}

/* Tells of the model and the list, as a daemon does that has not done so. */
static int tell_begin(struct list_watch *w, const struct object *o,
                      struct reason *why)
{
    char name[SPOOL_NAME], weights[64];
    struct text lines = TEXT_INIT;
    struct told_line model = model_line(w);
    struct told_line list = {.kind = TOLD_LIST, .row = w->list.rows};
    struct told_line bad = {.kind = TOLD_BAD, .row = w->list.suspect - 1};
    snprintf(weights, sizeof weights, "%llu/model.safetensors",
             (unsigned long long)w->list.model);
    strcpy(list.name, "list");
    spool_name(o->id, o->number, name);
    int err = launcher(w)->give(&w->target, w->run, w->primo->models_dir,
                                weights, model.name, true, why);
    if (err == 0)
        err = launcher(w)->give(&w->target, w->run, w->primo->spool_dir, name,
                                list.name, false, why);
    told_line_print(&lines, &model);
    told_line_print(&lines, &list);
    if (w->list.suspect)
        told_line_print(&lines, &bad);
    if (err == 0)
        err = lines_tell(w, &lines, why);
    text_release(&lines);
    w->told_begun = err == 0;
    w->batch_from = w->list.rows;
    w->pages = model.pages;
    return err;
}

static bool single_waits(struct list_watch *w)
{
    struct store_txn *txn;
    uint64_t after = 0, request;
    if (store_begin(w->primo->store, false, &txn, NULL))
        return true;
    int err = request_waiting(txn, w->service, &after, &request);
    store_abort(txn);
    return err == 0;
}

static void rate_take(struct list_watch *w)
{
    double now = monotonic_now(), took = now - w->rate_at;
    if (took < WINDOW_SECONDS)
        return;
    w->rate = (double)(w->list.rows - w->rate_rows) / took;
    if (w->rate < RATE_LEAST)
        w->rate = RATE_LEAST;
    w->rate_at = now;
    w->rate_rows = w->list.rows;
}

/* Whether the worker has done all that it may. */
static bool is_held_up(const struct list_watch *w)
{
    return w->until && w->until <= w->list.rows;
}

/* How far the worker may go now: in whole batches, as a smaller one takes it
 * nearly as long, and the first of its size longer. */
static uint64_t limit(struct list_watch *w)
{
    double window = w->rate * WINDOW_SECONDS;
    rate_take(w);
    if (is_held_up(w))
        w->batch_from = w->list.rows;
    if (w->list.rows < w->list.alone_until)
        return w->list.rows + 1;
    window = window < WINDOW_LEAST  ? WINDOW_LEAST
             : window > WINDOW_MOST ? WINDOW_MOST
                                    : window;
    uint64_t rows = w->list.rows - w->batch_from + (uint64_t)window;
    return w->batch_from + rows - rows % TOLD_BATCH;
}

/* Lets the worker go on, in steps that are worth a line. */
static void tell_until(struct list_watch *w)
{
    struct text line = TEXT_INIT;
    struct told_line until = {.kind = TOLD_UNTIL, .row = limit(w)};
    bool due = w->until <= w->list.rows ||
               until.row >= w->until + (until.row - w->list.rows) / 4;
    if (until.row <= w->until || !due || single_waits(w))
        return;
    if (w->until <= w->list.rows)
        w->news_at = monotonic_now();
    told_line_print(&line, &until);
    if (lines_tell(w, &line, NULL) == 0) {
        if (is_held_up(w) && w->list.rows >= w->list.alone_until)
            w->rate *= 2; /* it is faster than was known */
        w->until = until.row;
    }
    text_release(&line);
}

/* Starting */

static int job_start(struct list_watch *w, const struct list_writer *writer,
                     struct reason *why)
{
    struct run_job job = {
        .base_dir = -1, .uid = writer->uid, .gid = writer->gid};
    text_puts(&job.groups, text_string(&writer->groups));
    serving_job_fill(&w->target.machine, &w->text, w->list.segment + 1,
                     w->list.told, &job);
    int err = launcher(w)->start(&w->target, w->run, &job, why);
    text_release(&job.job);
    text_release(&job.template);
    text_release(&job.groups);
    return err;
}

/* Only root can start the worker as another user, and must not lend rights of
 * its own. */
static int writer_may(const struct list_writer *writer, struct reason *why)
{
    return geteuid() == 0 || geteuid() == writer->uid
               ? 0
               : refuse(why, EPERM,
                        "the list cannot be read with the rights of who wrote "
                        "it: primofs was not mounted by root");
}

static int launch(struct list_watch *w, const struct object *o,
                  const struct request *r, struct reason *why)
{
    struct list_writer writer;
    int err = list_writer_parse(r->writer, o->writer, &writer, why);
    if (err == 0)
        err = writer_may(&writer, why);
    if (err == 0)
        err = list_change(w, told_count);
    w->until = 0;
    w->told_begun = w->heard = false;
    w->news_at = monotonic_now();
    w->not_before = w->news_at + 1;
    if (err == 0)
        err = job_start(w, &writer, why);
    if (err == 0)
        err = tell_begin(w, o, why);
    text_release(&writer.groups);
    return err;
}

/* Losing */

/* A row with which a worker has died before is answered when one dies with it
 * alone; else all that it might have died of are tried alone. */
static void loss_note(struct list_watch *w, struct list *l)
{
    l->losses++;
    if (!l->planned || w->until <= l->rows)
        return;
    if (w->until == l->rows + 1 && l->rows < l->alone_until)
        l->suspect = l->rows + 1;
    else if (w->until > l->alone_until)
        l->alone_until = w->until;
}

/* Returns whether another one is to be started. */
static bool lose(struct list_watch *w)
{
    if (list_change(w, loss_note))
        return false;
    w->seen = false;
    w->not_before = monotonic_now() + (w->list.losses > 1 ? 1 : 0);
    if (w->list.losses < LOSSES)
        return true;
    list_fail(w, "worker_died",
              _("the program that answers the list has died too often"));
    return false;
}

/* Rounds */

static int alive_round(struct list_watch *w, const struct object *o)
{
    struct reason why = REASON_INIT;
    w->seen = true;
    if (!w->told_begun) {
        int err = list_change(w, told_count);
        if (err == 0)
            err = tell_begin(w, o, &why);
        if (err)
            return START_MS;
    }
    tell_pages(w);
    tell_until(w);
    if (launcher(w)->queues && !w->heard)
        return ROWS_MS;
    double silent = monotonic_now() - w->news_at;
    double row = pages_wanted(w).last > 1 ? FILE_SECONDS : ROW_SECONDS;
    if ((!w->list.planned && silent > PLAN_SECONDS) ||
        (w->list.planned && w->until > w->list.rows && silent > row))
        launcher(w)->kill(&w->target, w->run);
    return ROWS_MS;
}

static int gone_round(struct list_watch *w, const struct object *o,
                      const struct request *r)
{
    struct reason why = REASON_INIT;
    if (w->seen && !lose(w))
        return START_MS;
    if (monotonic_now() < w->not_before)
        return START_MS;
    int err = launch(w, o, r, &why);
    if (err == -EINPROGRESS || err == -EHOSTUNREACH)
        return WAIT_MS;
    if (err == -EPERM || (err && w->list.losses + 1 >= LOSSES))
        list_fail(w, "unreadable", why.sentence);
    w->seen = true; /* if it is not there in the next round, it has died */
    return START_MS;
}

static int work_round(struct list_watch *w, const struct object *o,
                      const struct request *r)
{
    run_begin(w);
    /* This comes before the journal is read: see watch_round(). */
    int alive = launcher(w)->alive(&w->target, w->run);
    if (list_follow(w))
        return 0;
    if (alive < 0)
        return WAIT_MS;
    return alive ? alive_round(w, o) : gone_round(w, o, r);
}

static int list_round(struct list_watch *w)
{
    struct object o = OBJECT_INIT;
    struct request r;
    int err = current_load(w, &o, &r), ms = WAIT_MS;
    if (err == -ESTALE || err == -ENOENT)
        give_up(w);
    else if (err == 0 && model_take(w)) /* the version was removed */
        give_up(w);
    else if (err == 0 && is_for_another(w))
        give_up(w);
    else if (err == 0)
        ms = work_round(w, &o, &r);
    object_release(&o);
    return ms;
}

/* A service that does not answer has no worker for its list, which stays. */
static int rest_round(struct list_watch *w)
{
    if (w->s.list_run && launcher(w)->alive(&w->target, w->s.list_run) > 0)
        launcher(w)->kill(&w->target, w->s.list_run);
    w->run = 0;
    return w->s.list_run ? WAIT_MS : -1;
}

/* A run that is over, or whose list was removed, leaves its directory. */
static void leave(struct list_watch *w)
{
    launcher(w)->kill(&w->target, w->run);
    supervisor_sweep(w->primo->supervisor);
    w->run = 0;
}

int list_watch_round(struct list_watch *w)
{
    if (serving_read(w->primo->store, w->service, &w->s, NULL))
        return -1;
    if (!w->s.replica_count || target_take(w, replica_of(w)))
        return -1;
    if (w->run && w->run != w->s.list_run)
        leave(w);
    if (w->s.status != STATUS_RUNNING)
        return rest_round(w);
    settings_release(&w->text);
    settings_init(&w->text);
    if (service_read(w->primo, w->service, &w->text, NULL))
        return WAIT_MS;
    if (!w->s.list)
        return target_choose(w) && begin(w) == 0 ? 0 : -1;
    return list_round(w);
}
