/* Starting and resuming: a run is made of copies of what it needs. */
#include "core/training/action.h"

#include "core/models/base_file.h"
#include "core/process/references.h"
#include "core/process/run_setup.h"
#include "core/process/viewer.h"
#include "core/store/node.h"
#include "core/store/stream.h"
#include "core/training/change_inside.h"
#include "core/training/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Start */

/* The texts that a run is made from, as they stand when it starts: what is
 * edited later does not reach a run that has begun. */
struct run_texts {
    struct object template, type;
    struct settings machine;
    struct text machine_text;
    struct base_choice base;
    uint32_t keep_writer; /* who wrote the text that has `keep` */
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
    t->keep_writer = s.value[KEY_KEEP] ? t->template.writer : t->type.writer;
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
        c->p.keep_writer = t.keep_writer;
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

/* Whether this is still what waits first. EAGAIN: the queue has changed. */
static int queued_check(struct store_txn *txn, uint64_t id,
                        const struct queued *q, struct reason *why)
{
    struct queued first;
    int err = queue_first(txn, id, &first);
    bool same = err == 0 && first.caller.uid == q->caller.uid &&
                !strcmp(first.template, q->template) &&
                !strcmp(first.said, q->said);
    return same ? 0 : refuse(why, EAGAIN, "the queue has changed");
}

/* What `next` says becomes the template, and leaves the queue. */
static int take_turn(struct change *c, const struct queued *next,
                     struct reason *why)
{
    int err = queued_check(c->txn, c->p.id, next, why);
    if (err == 0)
        err = queue_drop_first(c->txn, &c->p, why);
    if (err)
        return err;
    strcpy(c->p.template, next->template);
    c->p.template_changed = time_after(c->p.template_changed);
    return 0;
}

/* `next` is NULL where a user starts the template that is set. */
static int start(struct primo *primo, const struct viewer *viewer, uint64_t id,
                 const struct queued *next, struct reason *why)
{
    struct change c;
    uint64_t run;
    int err = ids_take(&primo->ids, primo->store, &run, why);
    if (err == 0)
        err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    if (next)
        err = take_turn(&c, next, why);
    if (err == 0)
        err = start_change(&c, viewer, run, why);
    err = change_end(&c, err, why);
    if (err) /* the link to the base is a file, which no transaction undoes */
        base_release_run(primo, run);
    if (err == 0) {
        hidden_clear_object(&primo->hidden, id);
        supervisor_wake(primo->supervisor);
    }
    return err;
}

int process_start(struct primo *primo, const struct caller *caller, uint64_t id,
                  const char *said, struct reason *why)
{
    struct viewer viewer;
    viewer_init(&viewer, primo, caller, said);
    return start(primo, &viewer, id, NULL, why);
}

/* From the queue */

int process_start_queued(struct primo *primo, uint64_t id,
                         const struct queued *next, struct reason *why)
{
    struct viewer viewer;
    const struct caller *caller = &next->caller;
    viewer_init(&viewer, primo, caller, next->said);
    int err =
        roles_judge(&primo->roles, caller, KEY_PROCESSES, RIGHT_MANAGE, why);
    return err ? err : start(primo, &viewer, id, next, why);
}

int process_pass_over(struct primo *primo, uint64_t id,
                      const struct queued *next, const char *sentence)
{
    struct change c;
    struct text what = TEXT_INIT;
    int err = change_begin(&c, primo, id, NULL);
    if (err)
        return err;
    text_printf(&what, "not started from the queue: %s: %s", next->template,
                sentence);
    err = queued_check(c.txn, id, next, NULL);
    if (err == 0)
        err = queue_drop_first(c.txn, &c.p, NULL);
    if (err == 0)
        err = change_event(&c, &next->caller, text_string(&what), NULL);
    text_release(&what);
    return change_end(&c, err, NULL);
}

/* Resume */

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
