#include "core/serve/serving_action.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/name.h"
#include "core/inbox/answer.h"
#include "core/inbox/thumbnail.h"
#include "core/models/model.h"
#include "core/process/process.h"
#include "core/process/run_setup.h"
#include "core/process/viewer.h"
#include "core/serve/serve.h"
#include "core/serve/service.h"
#include "core/store/garbage.h"
#include "core/store/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESULTS_HEADER                                                         \
    "time,file,revision,page,class,confidence,state,model,milliseconds,"       \
    "error\n"

/* One durable change: change_begin(), then change_end(), which commits it or
 * undoes it. Between them the caller holds primo->change. */
struct serving_change {
    struct primo *primo;
    struct store_txn *txn;
    struct serving s;
};

/* Its transaction, for whoever holds primo->change already. */
static int change_load(struct serving_change *c, struct primo *primo,
                       uint64_t id, struct reason *why)
{
    c->primo = primo;
    int err = store_begin(primo->store, true, &c->txn, why);
    if (err)
        return err;
    err = serving_load(c->txn, id, &c->s, why);
    if (err)
        store_abort(c->txn);
    return err;
}

static int change_begin(struct serving_change *c, struct primo *primo,
                        uint64_t id, struct reason *why)
{
    pthread_mutex_lock(&primo->change);
    int err = change_load(c, primo, id, why);
    if (err)
        pthread_mutex_unlock(&primo->change);
    return err;
}

static int change_end(struct serving_change *c, const struct caller *caller,
                      const char *what, int err, struct reason *why)
{
    if (err == 0)
        err = serving_event(c->txn, &c->s, caller->uid, what, why);
    if (err == 0)
        err = serving_save(c->txn, &c->s, why);
    err = store_end(c->txn, err, why);
    pthread_mutex_unlock(&c->primo->change);
    return err;
}

/* Create and remove */

static int insert(struct primo *primo, struct store_txn *txn,
                  const struct caller *caller, const char *name, uint64_t id,
                  struct reason *why)
{
    struct settings text;
    struct object old = OBJECT_INIT;
    struct object o = {.id = id,
                       .parent = TREE_INFERENCES,
                       .kind = OBJECT_SERVING,
                       .mode = 0755,
                       .uid = primo->owner,
                       .gid = primo->group};
    settings_init(&text);
    int err = service_load(txn, name, &text, why);
    settings_release(&text);
    if (err == 0 && object_find(txn, TREE_INFERENCES, name, &old) == 0)
        err = refuse(why, EEXIST, "inference/%s exists", name);
    object_release(&old);
    if (err)
        return err;
    strcpy(o.name, name);
    o.mtime = o.ctime = o.atime = clock_ns();
    err = object_put(txn, &o, why);
    struct serving s;
    serving_init(&s);
    s.id = id;
    strcpy(s.service, name);
    s.author = caller->uid;
    s.created = s.status_changed = s.enabled_changed = (double)o.mtime / 1e9;
    if (err == 0)
        err = stream_append(txn, serving_results(&s), RESULTS_HEADER,
                            strlen(RESULTS_HEADER), why);
    if (err == 0)
        err = serving_event(txn, &s, caller->uid, "created", why);
    return err ? err : serving_save(txn, &s, why);
}

int serving_create(struct primo *primo, const struct caller *caller,
                   const char *name, uint64_t *id, struct reason *why)
{
    int err = name_check(name, strlen(name), why);
    if (err == 0)
        err = ids_take(&primo->ids, primo->store, id, why);
    if (err)
        return err;
    struct store_txn *txn;
    pthread_mutex_lock(&primo->change);
    err = store_begin(primo->store, true, &txn, why);
    if (err == 0)
        err = store_end(txn, insert(primo, txn, caller, name, *id, why), why);
    pthread_mutex_unlock(&primo->change);
    return err;
}

/* Its runs are garbage. */
static int runs_drop(struct serving_change *c, struct reason *why)
{
    int err = 0;
    for (int i = 0; err == 0 && i < c->s.replica_count; i++) {
        uint64_t run = c->s.replicas[i].run;
        err = garbage_note(c->txn, GARBAGE_RUNS, run, why);
        if (err == 0)
            err = blob_drop_all(c->txn, run, why);
    }
    return err;
}

static int streams_drop(struct serving_change *c, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = stream_drop(c->txn, serving_log(&c->s), why);
    if (err == 0)
        err = stream_drop(c->txn, serving_results(&c->s), why);
    if (err == 0)
        err = stream_drop(c->txn, serving_owners(&c->s), why);
    if (err == 0)
        err = thumbnails_forget(c->txn, c->s.id, why);
    if (err == 0)
        err = runs_drop(c, why);
    if (err == 0 && object_get(c->txn, c->s.id, &o) == 0)
        err = object_drop(c->txn, &o, why);
    object_release(&o);
    return err;
}

/* Files that are not closed yet, or have a passing name, are in memory only. */
static bool has_requests(struct serving_change *c)
{
    struct object o = OBJECT_INIT;
    bool has = object_has_children(c->txn, c->s.id) ||
               scratch_next(&c->primo->scratch, c->s.id, 0, &o) == 0;
    object_release(&o);
    return has;
}

static int remove_named(struct primo *primo, const struct caller *caller,
                        uint64_t id, struct reason *why)
{
    struct serving_change c;
    int err = change_load(&c, primo, id, why);
    if (err)
        return err;
    err = serving_step(&c.s, LIFE_REMOVE, why);
    if (err == 0 && has_requests(&c))
        err = refuse(why, ENOTEMPTY,
                     "inference/%s has requests; remove the files in in/ first",
                     c.s.service);
    if (err == 0)
        err = serving_event(c.txn, &c.s, caller->uid, "removed", why);
    if (err == 0)
        err = streams_drop(&c, why);
    return store_end(c.txn, err, why); /* the record is gone: no change_end() */
}

int serving_remove(struct primo *primo, const struct caller *caller,
                   uint64_t id, struct reason *why)
{
    pthread_mutex_lock(&primo->change);
    /* until the service is gone nobody makes a file in it: intake_create(), who
     * has a transaction within this lock */
    pthread_mutex_lock(&primo->names);
    int err = remove_named(primo, caller, id, why);
    pthread_mutex_unlock(&primo->names);
    pthread_mutex_unlock(&primo->change);
    return err;
}

/* Start and stop */

static int check_enabled(const struct serving *s, const struct settings *text,
                         struct reason *why)
{
    if (!s->enabled)
        return refuse(why, EBUSY,
                      "the service is disabled; echo yes > "
                      "inference/%s/enabled",
                      s->service);
    if (!strcmp(settings_get(text, KEY_SERVICE_ENABLED), "no"))
        return refuse(why, EBUSY,
                      "the service is disabled (enabled = no in services/%s)",
                      s->service);
    return 0;
}

/* The model that is to answer must be there, and the starter may view it. */
static int model_judge(const struct viewer *viewer, struct serving_change *c,
                       const char *name, struct reason *why)
{
    struct answer_model m = {0};
    struct object o = OBJECT_INIT;
    char called[320];
    if (!*name)
        return refuse(why, EINVAL,
                      "the service '%s' has no model; it must have a line "
                      "'model = TEMPLATE/latest'",
                      c->s.service);
    int err = answer_model_load(c->primo, c->txn, name, &m, why);
    snprintf(called, sizeof called, "models/%s", m.called);
    if (err == 0)
        err = object_get(c->txn, m.version, &o);
    if (err == 0)
        err = viewer_may(viewer, KEY_MODELS, called, &o, why);
    object_release(&o);
    if (err == 0) {
        c->s.model = m.version;
        snprintf(c->s.called, sizeof c->s.called, "%s", m.called);
    }
    answer_model_release(&m);
    return err;
}

static void renew(struct serving *s, const struct caller *caller)
{
    s->author = s->run_uid = caller->uid;
    s->run_gid = caller->gid;
    s->started = unix_now();
    s->replica_count = 0;
    *s->reason = 0;
}

/* Adds a replica on a machine, whose text is noted as it is now. One that is
 * switched off comes back when it is switched on. */
static int replica_begin(struct serving_change *c, const char *name,
                         uint64_t run, const struct caller *caller,
                         struct reason *why)
{
    struct settings machine;
    struct text text = TEXT_INIT;
    struct replica *r = &c->s.replicas[c->s.replica_count++];
    settings_init(&machine);
    *r = (struct replica){.status = STATUS_STARTING, .run = run};
    struct reason own = REASON_INIT;
    int err = machine_load(c->txn, name, &machine, &text, &own);
    snprintf(r->machine, sizeof r->machine, "%s", name);
    snprintf(r->launcher, sizeof r->launcher, "%s",
             settings_get(&machine, KEY_LAUNCHER));
    if (err == -EBUSY) {
        r->status = STATUS_FAILED;
        r->away = true;
        snprintf(r->fault, sizeof r->fault, "%s", own.sentence);
        err = 0;
    } else if (err && why) {
        *why = own;
    }
    if (err == 0)
        err = blob_put(c->txn, run, RUN_MACHINE, text_string(&text), text.size,
                       why);
    settings_release(&machine);
    text_release(&text);
    return err ? err : groups_save(c->txn, run, caller, why);
}

/* EBUSY: all machines are switched off. */
static int any_is_on(struct serving_change *c, struct reason *why)
{
    struct settings machine;
    for (int i = 0; i < c->s.replica_count; i++)
        if (status_is_live(c->s.replicas[i].status))
            return 0;
    settings_init(&machine);
    int err =
        machine_load(c->txn, c->s.replicas[0].machine, &machine, NULL, why);
    settings_release(&machine);
    return err;
}

/* One replica on each machine that the text names. */
static int replicas_begin(struct serving_change *c, const char *machines,
                          const uint64_t *runs, const struct caller *caller,
                          struct reason *why)
{
    int err = runs_drop(c, why);
    renew(&c->s, caller);
    for (size_t n; err == 0 && (n = member_next(&machines)) > 0;
         machines += n) {
        char *name = xstrndup(machines, n);
        err = replica_begin(c, name, runs[c->s.replica_count], caller, why);
        free(name);
    }
    return err ? err : any_is_on(c, why);
}

static int start_change(struct serving_change *c, const struct viewer *viewer,
                        const uint64_t *runs, struct reason *why)
{
    struct settings text;
    settings_init(&text);
    int err = serving_step(&c->s, LIFE_START, why);
    if (err == 0)
        err = service_load(c->txn, c->s.service, &text, why);
    if (err == 0)
        err = check_enabled(&c->s, &text, why);
    if (err == 0)
        err = replicas_begin(c, settings_get(&text, KEY_SERVICE_MACHINE), runs,
                             viewer->caller, why);
    if (err == 0)
        err =
            model_judge(viewer, c, settings_get(&text, KEY_SERVICE_MODEL), why);
    settings_release(&text);
    return err;
}

/* Ids for as many runs as a service may have: how many it needs is known only
 * within the change. */
static int runs_take(struct primo *primo, uint64_t *runs, struct reason *why)
{
    int err = 0;
    for (int i = 0; err == 0 && i < REPLICAS_MOST; i++)
        err = ids_take(&primo->ids, primo->store, &runs[i], why);
    return err;
}

int serving_start(struct primo *primo, const struct caller *caller, uint64_t id,
                  const char *said, struct reason *why)
{
    struct serving_change c;
    struct viewer viewer;
    uint64_t runs[REPLICAS_MOST];
    (void)said;
    viewer_init(&viewer, primo, caller, "");
    int err = runs_take(primo, runs, why);
    if (err == 0)
        err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    err = change_end(&c, caller, "started",
                     start_change(&c, &viewer, runs, why), why);
    if (err == 0) {
        hidden_clear_object(&primo->hidden, id);
        serve_wake(primo->serve, id, 0);
    }
    return err;
}

static int stop_once(struct primo *primo, const struct caller *caller,
                     uint64_t id, struct reason *why)
{
    struct serving_change c;
    int err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    err = serving_step_stop(&c.s, why);
    return change_end(&c, caller, "stop requested", err, why);
}

int serving_stop(struct primo *primo, const struct caller *caller, uint64_t id,
                 const char *said, struct reason *why)
{
    (void)said;
    int err = stop_once(primo, caller, id, why);
    if (store_makes_room(primo->store, err))
        err = stop_once(primo, caller, id, why);
    if (err == 0)
        serve_wake(primo->serve, id, 0);
    return err;
}

int serving_set_enabled(struct primo *primo, const struct caller *caller,
                        uint64_t id, const char *word, struct reason *why)
{
    bool yes;
    struct serving_change c;
    int err = enabled_parse(word, &yes, why);
    if (err == 0)
        err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    c.s.enabled = yes;
    c.s.enabled_changed = time_after(c.s.enabled_changed);
    return change_end(&c, caller, yes ? "enabled" : "disabled", 0, why);
}

int serving_may_hide(struct primo *primo, uint64_t id, struct reason *why)
{
    struct serving s;
    enum status to;
    int err = serving_read(primo->store, id, &s, why);
    return err ? err : life_step(s.status, LIFE_EDIT, &to, why);
}

static int no_service_needs(void *context, struct store_txn *txn,
                            const struct object *version, struct reason *why)
{
    (void)context;
    return serving_needs_model(txn, version->id, why);
}

int serving_model_remove(struct primo *primo, const struct caller *caller,
                         uint64_t id, struct reason *why)
{
    return model_remove(primo, caller, id, no_service_needs, NULL, "removed",
                        why);
}
