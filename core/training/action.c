#include "core/training/action.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/basic/name.h"
#include "core/models/base_file.h"
#include "core/process/process.h"
#include "core/process/references.h"
#include "core/process/run_setup.h"
#include "core/process/viewer.h"
#include "core/store/garbage.h"
#include "core/store/node.h"
#include "core/store/stream.h"
#include "core/system/file.h"
#include "core/training/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One durable change of a process: change_begin(), then change_end(), which
 * commits it or undoes it. Between them the caller holds primo->change. */
struct change {
    struct primo *primo;
    struct store_txn *txn;
    struct process p;
};

static int change_begin(struct change *c, struct primo *primo, uint64_t id,
                        struct reason *why)
{
    c->primo = primo;
    process_init(&c->p);
    pthread_mutex_lock(&primo->change);
    int err = store_begin(primo->store, true, &c->txn, why);
    if (err == 0) {
        err = process_load(c->txn, id, &c->p, why);
        if (err)
            store_abort(c->txn);
    }
    if (err)
        pthread_mutex_unlock(&primo->change);
    return err;
}

/* Saves and commits when err is 0, undoes the change otherwise. */
static int change_end(struct change *c, int err, struct reason *why)
{
    if (err == 0) {
        c->p.changed = time_after(c->p.changed);
        err = process_save(c->txn, &c->p, why);
    }
    err = store_end(c->txn, err, why);
    pthread_mutex_unlock(&c->primo->change);
    process_release(&c->p);
    return err;
}

static int change_event(struct change *c, const struct caller *caller,
                        const char *what, struct reason *why)
{
    return process_event(c->txn, &c->p, caller->uid, what, why);
}

/* Create and remove */

static int process_insert(struct primo *primo, struct store_txn *txn,
                          const struct caller *caller, const char *machine,
                          uint64_t id, struct reason *why)
{
    struct settings settings;
    settings_init(&settings);
    int err = machine_load(txn, machine, &settings, NULL, why);
    settings_release(&settings);
    struct object o = {.id = id,
                       .parent = TREE_PROCESSES,
                       .kind = OBJECT_PROCESS,
                       .mode = 0755,
                       .uid = primo->owner,
                       .gid = primo->group};
    struct object old = OBJECT_INIT;
    if (err == 0 && object_find(txn, TREE_PROCESSES, machine, &old) == 0)
        err = refuse(why, EEXIST, "the machine '%s' has a process already",
                     machine);
    object_release(&old);
    if (err)
        return err;
    strcpy(o.name, machine);
    o.mtime = o.ctime = o.atime = clock_ns();
    err = object_put(txn, &o, why);
    struct process p;
    process_init(&p);
    p.id = id;
    strcpy(p.machine, machine);
    p.author = caller->uid;
    p.created = p.changed = p.status_changed = p.template_changed =
        p.enabled_changed = (double)o.mtime / 1e9;
    if (err == 0)
        err = process_save(txn, &p, why);
    if (err == 0)
        err = stream_append(txn, process_metrics(&p), METRICS_HEADER,
                            strlen(METRICS_HEADER), why);
    if (err == 0)
        err = process_event(txn, &p, caller->uid, "created", why);
    process_release(&p);
    return err;
}

int process_create(struct primo *primo, const struct caller *caller,
                   const char *machine, uint64_t *id, struct reason *why)
{
    int err = name_check(machine, strlen(machine), why);
    if (err == 0)
        err = ids_take(&primo->ids, primo->store, id, why);
    if (err)
        return err;
    struct store_txn *txn;
    pthread_mutex_lock(&primo->change);
    err = store_begin(primo->store, true, &txn, why);
    if (err == 0) {
        err = process_insert(primo, txn, caller, machine, *id, why);
        err = store_end(txn, err, why);
    }
    pthread_mutex_unlock(&primo->change);
    return err;
}

/* Removes the growing texts and the blobs of the process's last run. The note
 * in the same transaction lets a later sweep delete the run directory, even
 * after a crash (core/store/garbage.h). */
static int run_texts_drop(struct store_txn *txn, const struct process *p,
                          struct reason *why)
{
    int err = stream_drop(txn, process_metrics(p), why);
    if (err == 0)
        err = stream_drop(txn, process_log(p), why);
    if (err == 0 && p->run)
        err = garbage_note(txn, GARBAGE_RUNS, p->run, why);
    return err || !p->run ? err : blob_drop_all(txn, p->run, why);
}

static int remove_once(struct primo *primo, const struct caller *caller,
                       uint64_t id, struct reason *why)
{
    struct change c;
    struct object o = OBJECT_INIT;
    int err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    err = process_step(&c.p, LIFE_REMOVE, why);
    if (err == 0)
        err = change_event(&c, caller, "removed", why);
    if (err == 0)
        err = run_texts_drop(c.txn, &c.p, why);
    if (err == 0 && object_get(c.txn, id, &o) == 0)
        err = object_drop(c.txn, &o, why);
    object_release(&o);
    /* Not change_end(), which would save the record that was just dropped. */
    err = store_end(c.txn, err, why);
    pthread_mutex_unlock(&primo->change);
    process_release(&c.p);
    return err;
}

int process_remove(struct primo *primo, const struct caller *caller,
                   uint64_t id, struct reason *why)
{
    int err = remove_once(primo, caller, id, why);
    if (store_makes_room(primo->store, err))
        err = remove_once(primo, caller, id, why);
    if (err == 0)
        supervisor_sweep(primo->supervisor);
    return err;
}

/* Set up */

int process_set_template(struct primo *primo, const struct caller *caller,
                         uint64_t id, const char *name, struct reason *why)
{
    struct change c;
    int err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    err = process_step(&c.p, LIFE_EDIT, why);
    struct object template = OBJECT_INIT;
    if (err == 0 && *name) {
        err = name_check(name, strlen(name), why);
        if (err == 0 && object_find(c.txn, TREE_TEMPLATES, name, &template))
            err = refuse(why, EINVAL, "there is no template '%s' in templates/",
                         name);
    }
    object_release(&template);
    if (err == 0) {
        strcpy(c.p.template, name);
        c.p.template_changed = time_after(c.p.template_changed);
        err = change_event(&c, caller, "template set", why);
    }
    return change_end(&c, err, why);
}

int process_set_enabled(struct primo *primo, const struct caller *caller,
                        uint64_t id, const char *word, struct reason *why)
{
    bool yes;
    struct change c;
    int err = enabled_parse(word, &yes, why);
    if (err == 0)
        err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    c.p.enabled = yes;
    c.p.enabled_changed = time_after(c.p.enabled_changed);
    err = change_event(&c, caller, yes ? "enabled" : "disabled", why);
    return change_end(&c, err, why);
}

static int process_check_enabled(const struct process *p, struct reason *why)
{
    if (p->enabled)
        return 0;
    return refuse(why, EBUSY,
                  "the process on '%s' is disabled; echo yes > "
                  "processes/%s/enabled",
                  p->machine, p->machine);
}

/* Start */

/* The texts that a run is made from, as they stand when it starts: what is
 * edited later does not reach a run that has begun. */
struct run_texts {
    struct object template, type;
    struct settings machine;
    struct text machine_text;
    struct base_choice base;
};

static void run_texts_release(struct run_texts *t)
{
    object_release(&t->template);
    object_release(&t->type);
    settings_release(&t->machine);
    text_release(&t->machine_text);
    base_choice_release(&t->base);
}

/* The base that it begins with, where that is a file. */
static int base_read(const struct viewer *viewer, struct store_txn *txn,
                     const char *base, struct base_choice *out,
                     struct reason *why)
{
    int err = base_choose(viewer->primo, txn, base, out, why);
    if (err || !*out->file)
        return err;
    return viewer_may(viewer, out->line, out->called, &out->object, why);
}

/* An object that it is made of, if the viewer may read it. */
static int read_may(const struct viewer *viewer, enum key line,
                    const struct object *o, struct reason *why)
{
    char called[300];
    snprintf(called, sizeof called, "%s/%s", params[line].key, o->name);
    return viewer_may(viewer, line, called, o, why);
}

/* The data set, which the template names, or else the type. */
static int dataset_judge(const struct viewer *viewer, const struct run_texts *t,
                         const struct settings *s,
                         const struct settings *defaults, struct reason *why)
{
    char called[300];
    bool own = *settings_get(s, KEY_DATASET) != 0;
    const struct object *o = own ? &t->template : &t->type;
    const char *path = settings_get(own ? s : defaults, KEY_DATASET);
    if (!*path)
        return refuse(why, EINVAL,
                      "the template '%s' has no dataset; it must have a line "
                      "'dataset = /path/of/a/folder'",
                      t->template.name);
    snprintf(called, sizeof called, "%s/%s", own ? "templates" : "types",
             o->name);
    return viewer_lends(viewer, called, o, path, why);
}

static int template_judge(const struct viewer *viewer, struct store_txn *txn,
                          struct run_texts *t, struct reason *why)
{
    struct settings s;
    settings_init(&s);
    const struct text *body = &t->template.body;
    int err = settings_parse(&s, text_string(body), body->size, SCOPE_TEMPLATE,
                             "template", why);
    const char *type = settings_get(&s, KEY_TYPE);
    if (err == 0)
        err = reference_find(txn, KEY_TYPE, type, &t->type, why);
    if (err == 0)
        err = read_may(viewer, KEY_TYPES, &t->type, why);
    struct settings defaults;
    settings_init(&defaults);
    if (err == 0)
        err = settings_parse(&defaults, text_string(&t->type.body),
                             t->type.body.size, SCOPE_TYPE, "type", why);
    if (err == 0)
        err = dataset_judge(viewer, t, &s, &defaults, why);
    const char *base =
        settings_get(s.value[KEY_BASE] ? &s : &defaults, KEY_BASE);
    if (err == 0)
        err = base_read(viewer, txn, base, &t->base, why);
    settings_release(&defaults);
    settings_release(&s);
    return err;
}

static int run_texts_load(const struct viewer *viewer, struct store_txn *txn,
                          const struct process *p, struct run_texts *t,
                          struct reason *why)
{
    int err = machine_load(txn, p->machine, &t->machine, &t->machine_text, why);
    if (err)
        return err;
    if (!*p->template)
        return refuse(why, EINVAL,
                      "the process has no template; echo NAME > "
                      "processes/%s/template",
                      p->machine);
    if (object_find(txn, TREE_TEMPLATES, p->template, &t->template))
        return refuse(why, EINVAL, "there is no template '%s' in templates/",
                      p->template);
    err = read_may(viewer, KEY_TEMPLATES, &t->template, why);
    return err ? err : template_judge(viewer, txn, t, why);
}

static int job_save(struct store_txn *txn, uint64_t run,
                    const struct settings *machine, const char *base,
                    struct reason *why)
{
    struct text job = TEXT_INIT;
    job_print(machine, base, &job);
    int err = blob_put(txn, run, RUN_JOB, text_string(&job), job.size, why);
    text_release(&job);
    return err;
}

/* Writes the job of a run again, with the settings that its machine has now.
 * The base remains the one that was chosen at the start. */
static int job_renew(struct store_txn *txn, uint64_t run,
                     const struct settings *machine, struct reason *why)
{
    struct text old = TEXT_INIT;
    struct settings s;
    settings_init(&s);
    if (blob_get(txn, run, RUN_JOB, &old) == 0)
        settings_parse(&s, text_string(&old), old.size, SCOPE_JOB, "", NULL);
    int err = job_save(txn, run, machine, settings_get(&s, KEY_BASE_FILE), why);
    settings_release(&s);
    text_release(&old);
    return err;
}

static int run_texts_save(struct store_txn *txn, uint64_t run,
                          const struct run_texts *t, struct reason *why)
{
    const struct text *template = &t->template.body, *type = &t->type.body;
    int err = blob_put(txn, run, RUN_TEMPLATE, text_string(template),
                       template->size, why);
    if (err == 0)
        err = blob_put(txn, run, RUN_TYPE, text_string(type), type->size, why);
    if (err == 0)
        err = blob_put(txn, run, RUN_MACHINE, text_string(&t->machine_text),
                       t->machine_text.size, why);
    return err ? err : job_save(txn, run, &t->machine, t->base.called, why);
}

/* Makes the record forget the last run and begin a new one. */
static void process_renew(struct process *p, uint64_t run,
                          const struct caller *caller)
{
    p->run = run;
    strcpy(p->run_template, p->template);
    p->author = p->run_uid = caller->uid;
    p->run_gid = caller->gid;
    p->started = time_after(p->changed);
    p->finished = 0;
    p->wanted = true;
    p->segment = p->offset = p->row_iteration = 0;
    p->row_time = p->log_time = p->started;
    p->log_full = p->metrics_full = false;
    p->announced = 0;
    p->evaluated = 0;
    p->evaluation_complete = false;
    memset(p->sums, 0, sizeof p->sums);
    p->checkpoint = p->losses = p->model = p->number = 0;
    *p->stage = *p->reason = 0;
    progress_parse("", &p->progress);
    text_release(&p->facts);
}

static int start_change(struct change *c, const struct viewer *viewer,
                        uint64_t run, struct reason *why)
{
    const struct caller *caller = viewer->caller;
    struct run_texts t = {0};
    int err = process_step(&c->p, LIFE_START, why);
    if (err == 0)
        err = process_check_enabled(&c->p, why);
    if (err == 0)
        err = run_texts_load(viewer, c->txn, &c->p, &t, why);
    /* From here on the run has its own link to the base, so that removing or
     * replacing the base does not take it away. */
    if (err == 0)
        err = base_hold(c->primo, run, &t.base, why);
    if (err == 0)
        err = run_texts_drop(c->txn, &c->p, why);
    if (err == 0) {
        process_renew(&c->p, run, caller);
        snprintf(c->p.launcher, sizeof c->p.launcher, "%s",
                 settings_get(&t.machine, KEY_LAUNCHER));
        err = run_texts_save(c->txn, run, &t, why);
    }
    if (err == 0)
        err = groups_save(c->txn, run, caller, why);
    if (err == 0)
        err = stream_append(c->txn, process_metrics(&c->p), METRICS_HEADER,
                            strlen(METRICS_HEADER), why);
    if (err == 0)
        err = change_event(c, caller, "started", why);
    run_texts_release(&t);
    return err;
}

int process_start(struct primo *primo, const struct caller *caller, uint64_t id,
                  const char *said, struct reason *why)
{
    struct change c;
    struct viewer viewer;
    uint64_t run;
    viewer_init(&viewer, primo, caller, said);
    int err = ids_take(&primo->ids, primo->store, &run, why);
    if (err == 0)
        err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    err = change_end(&c, start_change(&c, &viewer, run, why), why);
    if (err) /* the link to the base is a file, which no transaction undoes */
        base_release_run(primo, run);
    if (err == 0) {
        hidden_clear_object(&primo->hidden, id);
        supervisor_wake(primo->supervisor);
    }
    return err;
}

/* Stop and resume */

static int stop_once(struct primo *primo, const struct caller *caller,
                     uint64_t id, struct reason *why)
{
    struct change c;
    int err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    err = process_step(&c.p, LIFE_STOP, why);
    if (err == 0)
        err = process_check_enabled(&c.p, why);
    if (err == 0)
        err = change_event(&c, caller, "stop requested", why);
    return change_end(&c, err, why);
}

int process_stop(struct primo *primo, const struct caller *caller, uint64_t id,
                 const char *said, struct reason *why)
{
    (void)said;
    int err = stop_once(primo, caller, id, why);
    /* A full disk must not prevent a stop, which ends what fills the disk. */
    if (store_makes_room(primo->store, err))
        err = stop_once(primo, caller, id, why);
    if (err == 0)
        supervisor_wake(primo->supervisor);
    return err;
}

/* What a run makes is published under the name of its template, which may have
 * become another one's while the training was over. */
static int name_may(const struct viewer *viewer, struct store_txn *txn,
                    const struct process *p, struct reason *why)
{
    struct object template = OBJECT_INIT;
    int err = object_find(txn, TREE_TEMPLATES, process_template(p), &template);
    err = err ? 0 : read_may(viewer, KEY_TEMPLATES, &template, why);
    object_release(&template);
    return err;
}

int process_resume(struct primo *primo, const struct caller *caller,
                   uint64_t id, const char *said, struct reason *why)
{
    struct change c;
    struct settings machine;
    struct viewer viewer;
    viewer_init(&viewer, primo, caller, said);
    int err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    settings_init(&machine);
    err = process_step(&c.p, LIFE_RESUME, why);
    if (err == 0)
        err = process_check_enabled(&c.p, why);
    if (err == 0)
        err = name_may(&viewer, c.txn, &c.p, why);
    if (err == 0)
        err = machine_load(c.txn, c.p.machine, &machine, NULL, why);
    if (err == 0) /* the machine's limits may have changed since the start */
        err = job_renew(c.txn, c.p.run, &machine, why);
    settings_release(&machine);
    if (err == 0) {
        c.p.finished = 0;
        c.p.wanted = true;
        c.p.losses = 0;
        *c.p.reason = 0;
        err = change_event(&c, caller, "resumed", why);
    }
    err = change_end(&c, err, why);
    if (err == 0) {
        hidden_clear_object(&primo->hidden, id);
        supervisor_wake(primo->supervisor);
    }
    return err;
}

bool process_is_new_to(struct primo *primo, const struct caller *caller,
                       uint64_t id)
{
    struct process p;
    if (process_read(primo->store, id, &p, NULL))
        return false;
    bool yes = !p.run && p.author == caller->uid;
    process_release(&p);
    return yes;
}

int process_may_hide(struct primo *primo, uint64_t id, struct reason *why)
{
    struct process p;
    enum status to;
    int err = process_read(primo->store, id, &p, why);
    if (err == 0)
        err = life_step(p.status, LIFE_EDIT, &to, why);
    process_release(&p);
    return err;
}
