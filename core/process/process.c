#include "core/process/process.h"

#include "core/basic/clock.h"
#include "core/models/sweep.h"
#include "core/state/events.h"
#include "core/state/primo.h"
#include "core/store/garbage.h"
#include "core/store/node.h"
#include "core/store/record.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW(f, kind) FIELD(struct process, f, kind)
static const struct field fields[] = {
    ROW(machine, FIELD_STRING),
    ROW(template, FIELD_STRING),
    ROW(enabled, FIELD_BOOL),
    ROW(author, FIELD_COUNT),
    ROW(created, FIELD_TIME),
    ROW(started, FIELD_TIME),
    ROW(finished, FIELD_TIME),
    ROW(changed, FIELD_TIME),
    ROW(status_changed, FIELD_TIME),
    ROW(template_changed, FIELD_TIME),
    ROW(enabled_changed, FIELD_TIME),
    ROW(launcher, FIELD_STRING),
    ROW(wanted, FIELD_BOOL),
    ROW(run, FIELD_COUNT),
    ROW(run_uid, FIELD_COUNT),
    ROW(run_gid, FIELD_COUNT),
    ROW(segment, FIELD_COUNT),
    ROW(offset, FIELD_COUNT),
    ROW(row_iteration, FIELD_COUNT),
    ROW(row_time, FIELD_TIME),
    ROW(log_time, FIELD_TIME),
    ROW(checkpoint, FIELD_COUNT),
    ROW(log_full, FIELD_BOOL),
    ROW(metrics_full, FIELD_BOOL),
    ROW(losses, FIELD_COUNT),
    ROW(model, FIELD_COUNT),
    ROW(number, FIELD_COUNT),
    ROW(stage, FIELD_STRING),
    ROW(reason, FIELD_STRING),
    ROW(run_template, FIELD_STRING),
    ROW(announced, FIELD_COUNT),
    ROW(evaluated, FIELD_TIME),
    ROW(evaluation_complete, FIELD_BOOL),
    ROW(queued, FIELD_COUNT),
    ROW(queue_changed, FIELD_TIME),
    ROW(keep_writer, FIELD_COUNT),
};
#undef ROW
static const struct record_form form = {fields, sizeof fields / sizeof *fields};

void process_init(struct process *p)
{
    memset(p, 0, sizeof *p);
    p->enabled = true;
    progress_parse("", &p->progress);
}

void process_release(struct process *p)
{
    text_release(&p->facts);
    process_init(p);
}

const char *process_template(const struct process *p)
{
    return p->run && *p->run_template ? p->run_template : p->template;
}

struct stream process_metrics(const struct process *p)
{
    return (struct stream){p->run ? p->run : p->id, 'm'};
}

struct stream process_log(const struct process *p)
{
    return (struct stream){p->run ? p->run : p->id, 'l'};
}

/* Encoding */

static void sums_print(const struct artifact_sum *sums, struct text *out)
{
    for (int i = 0; i < ARTIFACTS; i++)
        if (sums[i].known)
            text_printf(out, "%s=%08x ", artifacts[i].name,
                        (unsigned)sums[i].crc);
}

static void sums_parse(struct artifact_sum *sums, const char *value)
{
    for (const char *at = value; *at;) {
        size_t n = strcspn(at, "= ");
        for (int i = 0; i < ARTIFACTS; i++)
            if (at[n] == '=' && n == strlen(artifacts[i].name) &&
                !strncmp(at, artifacts[i].name, n))
                sums[i] = (struct artifact_sum){
                    true, (uint32_t)strtoul(at + n + 1, NULL, 16)};
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
}

static void process_encode(const struct process *p, struct text *out)
{
    text_printf(out, "status=%s\n", status_name(p->status));
    record_print(&form, p, out);
    text_puts(out, "sums=");
    sums_print(p->sums, out);
    text_puts(out, "\nprogress=");
    progress_print(out, &p->progress);
    text_puts(out, "\n\n"); /* the facts follow behind the empty line */
    text_puts(out, text_string(&p->facts));
}

struct decoding {
    struct process *process;
    int next; /* see record_take() */
};

static bool process_take(void *context, const char *key, const char *value)
{
    struct decoding *d = context;
    struct process *p = d->process;
    if (!strcmp(key, "status"))
        return status_from_name(value, &p->status);
    if (!strcmp(key, "progress"))
        return progress_parse(value, &p->progress);
    if (!strcmp(key, "sums")) {
        sums_parse(p->sums, value);
        return true;
    }
    return record_take(&form, p, key, value, &d->next);
}

int process_decode(const struct object *o, struct process *out)
{
    process_init(out);
    out->id = o->id;
    struct decoding d = {.process = out};
    bool good =
        record_walk(text_string(&o->body), process_take, &d, &out->facts);
    if (!good)
        process_release(out);
    return good ? 0 : -EIO;
}

/* A process that was removed in the meantime is nothing unusual. Any other
 * error is a fault of the store and must not look like a removal. */
static int refuse_record(struct reason *why, int err)
{
    return err == -ENOENT
               ? refuse(why, ENOENT, "the process is gone")
               : refuse(why, -err, "the record of the process cannot be read");
}

int process_load(struct store_txn *txn, uint64_t id, struct process *out,
                 struct reason *why)
{
    struct object o = OBJECT_INIT;
    process_init(out);
    int err = object_get(txn, id, &o);
    if (err == 0)
        err = process_decode(&o, out);
    object_release(&o);
    return err ? refuse_record(why, err) : 0;
}

int process_load_run(struct store_txn *txn, uint64_t id, uint64_t run,
                     struct process *out, struct reason *why)
{
    int err = process_load(txn, id, out, why);
    if (err == 0 && out->run != run) {
        process_release(out);
        err = refuse(why, ESRCH, "the process has another run");
    }
    return err;
}

int process_read(struct store *s, uint64_t id, struct process *out,
                 struct reason *why)
{
    struct store_txn *txn;
    process_init(out);
    int err = store_begin(s, false, &txn, why);
    if (err)
        return err;
    err = process_load(txn, id, out, why);
    store_abort(txn);
    return err;
}

int process_status(struct store *s, uint64_t id, enum status *out)
{
    struct process p;
    int err = process_read(s, id, &p, NULL);
    *out = p.status;
    process_release(&p);
    return err;
}

/* A record that cannot be read now may be readable later: its waiters go on
 * waiting. */
bool process_has_ended(void *primo, uint64_t id, const char **word)
{
    enum status status;
    struct primo *p = primo;
    int err = process_status(p->store, id, &status);
    *word = err ? NULL : status_name(status);
    return err ? err == -ENOENT : !status_is_live(status);
}

int process_next(struct store_txn *txn, uint64_t *after, struct process *out)
{
    struct object o = OBJECT_INIT;
    process_init(out);
    int err = object_next(txn, TREE_PROCESSES, *after, &o);
    if (err)
        return err;
    *after = o.id;
    err = process_decode(&o, out);
    object_release(&o);
    return err ? -EBADMSG : 0;
}

static bool needs(const struct process *p)
{
    return p->model == 0;
}

static bool trains(const struct process *p)
{
    return status_is_live(p->status);
}

/* 1 where a process has the run and `is` is true of it, 0 where none is. */
static int run_find(struct store_txn *txn, uint64_t run,
                    bool (*is)(const struct process *p))
{
    struct process p;
    uint64_t after = 0;
    int err;
    while ((err = process_next(txn, &after, &p)) == 0) {
        bool found = p.run == run && is(&p);
        process_release(&p);
        if (found)
            return 1;
    }
    return err == -ENOENT ? 0 : err;
}

int process_needs_run(struct store_txn *txn, uint64_t run)
{
    return run_find(txn, run, needs);
}

int process_trains_run(struct store_txn *txn, uint64_t run)
{
    return run_find(txn, run, trains);
}

int process_run_fate(struct store_txn *txn, uint64_t run)
{
    struct object model = OBJECT_INIT;
    int needed = process_needs_run(txn, run);
    if (needed)
        return needed < 0 ? needed : SWEEP_KEEP;
    int err = object_get(txn, run, &model);
    bool published = err == 0 && model.kind == OBJECT_VERSION;
    object_release(&model);
    if (err && err != -ENOENT)
        return err;
    return published ? SWEEP_DELETE : sweep_unnamed(txn, GARBAGE_RUNS, run);
}

/* Change */

int process_save(struct store_txn *txn, const struct process *p,
                 struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = object_get(txn, p->id, &o);
    if (err)
        return refuse_record(why, err);
    text_clear(&o.body);
    process_encode(p, &o.body);
    o.mtime = (int64_t)(p->changed * 1e9);
    err = object_put(txn, &o, why);
    object_release(&o);
    return err;
}

void process_set_fact(struct process *p, const char *key, const char *value)
{
    struct text out = TEXT_INIT;
    const char *line = text_string(&p->facts);
    size_t n = strlen(key);
    for (; *line; line += strcspn(line, "\n") + 1) {
        if (!strncmp(line, key, n) && line[n] == ':')
            continue;
        text_add(&out, line, strcspn(line, "\n") + 1);
    }
    text_printf(&out, "%s: ", key);
    text_put_printable(&out, value, strlen(value));
    text_puts(&out, "\n");
    text_move(&p->facts, &out);
}

double time_after(double last)
{
    double now = unix_now();
    return now > last ? now : last;
}

int process_step(struct process *p, enum life_event event, struct reason *why)
{
    enum status to;
    int err = life_step(p->status, event, &to, why);
    if (err)
        return err;
    p->changed = time_after(p->changed);
    if (to != p->status)
        p->status_changed = p->changed;
    if (status_is_live(p->status) && !status_is_live(to))
        p->finished = p->changed > p->started ? p->changed : p->started;
    p->status = to;
    return 0;
}

int process_event(struct store_txn *txn, const struct process *p, uid_t user,
                  const char *what, struct reason *why)
{
    char object[sizeof "processes/" + sizeof p->machine];
    snprintf(object, sizeof object, "processes/%s", p->machine);
    return event_add(txn, user, object, why, "%s", what);
}
