#include "core/inbox/serving.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/process/process.h"
#include "core/state/events.h"
#include "core/store/node.h"
#include "core/store/record.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What one run may bring into the log. */
enum { LOG_BYTES = 8 << 20 };

#define ROW(f, kind) FIELD(struct serving, f, kind)
static const struct field fields[] = {
    ROW(service, FIELD_STRING),      ROW(enabled, FIELD_BOOL),
    ROW(author, FIELD_COUNT),        ROW(created, FIELD_TIME),
    ROW(started, FIELD_TIME),        ROW(changed, FIELD_TIME),
    ROW(status_changed, FIELD_TIME), ROW(enabled_changed, FIELD_TIME),
    ROW(run_uid, FIELD_COUNT),       ROW(run_gid, FIELD_COUNT),
    ROW(log_time, FIELD_TIME),       ROW(log_full, FIELD_BOOL),
    ROW(reason, FIELD_STRING),       ROW(model, FIELD_COUNT),
    ROW(called, FIELD_STRING),       ROW(list, FIELD_COUNT),
    ROW(list_run, FIELD_COUNT),      ROW(list_model, FIELD_COUNT),
    ROW(list_machine, FIELD_STRING), ROW(revisions, FIELD_COUNT),
    ROW(answered, FIELD_COUNT),      ROW(unsure, FIELD_COUNT),
    ROW(failed, FIELD_COUNT),        ROW(latency_median, FIELD_TIME),
    ROW(latency_most, FIELD_TIME),   ROW(rate, FIELD_TIME),
};
#undef ROW
static const struct record_form form = {fields, sizeof fields / sizeof *fields};

void serving_init(struct serving *s)
{
    *s = (struct serving){.enabled = true};
}

struct replica *serving_replica(struct serving *s, uint64_t run)
{
    for (int i = 0; i < s->replica_count; i++)
        if (s->replicas[i].run == run)
            return &s->replicas[i];
    return NULL;
}

bool serving_is_loaded(const struct serving *s)
{
    bool loaded = false;
    for (int i = 0; i < s->replica_count; i++)
        loaded |= s->replicas[i].loaded;
    return loaded;
}

void serving_machines(const struct serving *s, struct text *out)
{
    for (int i = 0; i < s->replica_count; i++)
        text_printf(out, "%s%s", i ? " " : "", s->replicas[i].machine);
}

struct stream serving_log(const struct serving *s)
{
    return (struct stream){s->id, 'l'};
}

struct stream serving_results(const struct serving *s)
{
    return (struct stream){s->id, 'r'};
}

struct stream serving_owners(const struct serving *s)
{
    return (struct stream){s->id, 'u'};
}

/* Read: the first replica's lines stand among those of the service, as they do
 * in records of versions that knew no other; each further one has lines of its
 * own behind an empty one. */

struct parsing {
    struct serving *s;
    int next, next_of_replica;
};

static bool line_take(void *context, const char *key, const char *value)
{
    struct parsing *p = context;
    return (p->s->replica_count ||
            record_take(&form, p->s, key, value, &p->next)) &&
           replica_take(&p->s->replicas[p->s->replica_count], key, value,
                        &p->next_of_replica);
}

static bool replicas_parse(struct serving *s, const char *text)
{
    struct parsing p = {.s = s};
    struct text left = TEXT_INIT, rest = TEXT_INIT;
    text_puts(&left, text);
    s->replicas[0].status = s->status; /* where an older version has no other */
    bool good = true;
    while (good && left.size && s->replica_count < REPLICAS_MOST) {
        text_clear(&rest);
        good = record_walk(text_string(&left), line_take, &p, &rest);
        s->replica_count += s->replicas[s->replica_count].run != 0;
        text_move(&left, &rest);
    }
    text_release(&left);
    text_release(&rest);
    return good;
}

static int serving_decode(const struct object *o, struct serving *out)
{
    const char *text = text_string(&o->body), *line = strchr(text, '\n');
    char status[32];
    serving_init(out);
    out->id = o->id;
    if (sscanf(text, "status=%31s", status) != 1 || !line ||
        !status_from_name(status, &out->status) ||
        !replicas_parse(out, line + 1)) {
        serving_init(out);
        return -EIO;
    }
    return 0;
}

static int refuse_record(struct reason *why, int err)
{
    return err == -ENOENT
               ? refuse(why, ENOENT, "the service is gone from inference/")
               : refuse(why, -err, "the record of the service cannot be read");
}

int serving_load(struct store_txn *txn, uint64_t id, struct serving *out,
                 struct reason *why)
{
    struct object o = OBJECT_INIT;
    serving_init(out);
    int err = object_get(txn, id, &o);
    if (err == 0)
        err = serving_decode(&o, out);
    object_release(&o);
    return err ? refuse_record(why, err) : 0;
}

int serving_read(struct store *s, uint64_t id, struct serving *out,
                 struct reason *why)
{
    struct store_txn *txn;
    serving_init(out);
    int err = store_begin(s, false, &txn, why);
    if (err)
        return err;
    err = serving_load(txn, id, out, why);
    store_abort(txn);
    return err;
}

int serving_next(struct store_txn *txn, uint64_t *after, struct serving *out)
{
    struct object o = OBJECT_INIT;
    serving_init(out);
    int err = object_next(txn, TREE_INFERENCES, *after, &o);
    if (err)
        return err;
    *after = o.id;
    err = serving_decode(&o, out);
    object_release(&o);
    return err ? -EBADMSG : 0;
}

int serving_needs_run(struct store_txn *txn, uint64_t run)
{
    struct serving s;
    uint64_t after = 0;
    int err;
    while ((err = serving_next(txn, &after, &s)) == 0)
        if (s.list_run == run ||
            (status_is_live(s.status) && serving_replica(&s, run)))
            return 1;
    return err == -ENOENT ? 0 : err;
}

int serving_answers_run(struct store_txn *txn, uint64_t run)
{
    struct serving s;
    uint64_t after = 0;
    int err;
    while ((err = serving_next(txn, &after, &s)) == 0) {
        const struct replica *r = serving_replica(&s, run);
        if (status_is_live(s.status) &&
            (s.list_run == run || (r && status_is_live(r->status))))
            return 1;
    }
    return err == -ENOENT ? 0 : err;
}

/* Ends a walk over all services. */
static int walked(int err, struct reason *why)
{
    return err == -ENOENT ? 0
                          : refuse(why, EIO,
                                   "whether it is in use is not known: the "
                                   "record of a service cannot be read");
}

int serving_needs_model(struct store_txn *txn, uint64_t version,
                        struct reason *why)
{
    struct serving s;
    uint64_t after = 0;
    int err;
    while ((err = serving_next(txn, &after, &s)) == 0) {
        if (!status_is_live(s.status))
            continue;
        if (s.model == version)
            return refuse(why, EBUSY,
                          "the model '%s' is in use by inference/%s, which is "
                          "%s",
                          s.called, s.service, status_name(s.status));
        if (s.list_model == version)
            return refuse(why, EBUSY,
                          "inference/%s is answering a list with this version",
                          s.service);
    }
    return walked(err, why);
}

static bool has_machine(const struct serving *s, const char *name)
{
    bool has = false;
    for (int i = 0; i < s->replica_count; i++)
        has |= !strcmp(s->replicas[i].machine, name);
    return has;
}

int serving_needs_input(struct store_txn *txn, enum object_kind kind,
                        const char *name, struct reason *why)
{
    struct serving s;
    uint64_t after = 0;
    int err;
    while ((err = serving_next(txn, &after, &s)) == 0) {
        bool needs = status_is_live(s.status) &&
                     ((kind == OBJECT_SERVICE && !strcmp(s.service, name)) ||
                      (kind == OBJECT_MACHINE && has_machine(&s, name)));
        if (needs)
            return refuse(why, EBUSY,
                          "'%s' is in use by inference/%s, which is %s", name,
                          s.service, status_name(s.status));
    }
    return walked(err, why);
}

/* Change */

int serving_save(struct store_txn *txn, struct serving *s, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = object_get(txn, s->id, &o);
    if (err)
        return refuse_record(why, err);
    s->changed = time_after(s->changed);
    text_clear(&o.body);
    text_printf(&o.body, "status=%s\n", status_name(s->status));
    record_print(&form, s, &o.body);
    for (int i = 0; i < s->replica_count; i++) {
        text_puts(&o.body, i ? "\n" : "");
        replica_print(&s->replicas[i], &o.body);
    }
    o.mtime = (int64_t)(s->changed * 1e9);
    err = object_put(txn, &o, why);
    object_release(&o);
    return err;
}

int serving_step(struct serving *s, enum life_event event, struct reason *why)
{
    enum status to;
    int err = life_step(s->status, event, &to, why);
    if (err)
        return err;
    s->changed = time_after(s->changed);
    if (to != s->status)
        s->status_changed = s->changed;
    s->status = to;
    return 0;
}

static bool any_is_live(const struct serving *s)
{
    bool any = false;
    for (int i = 0; i < s->replica_count; i++)
        any |= status_is_live(s->replicas[i].status);
    return any;
}

int serving_step_replica(struct serving *s, struct replica *r,
                         enum life_event event, struct reason *why)
{
    int err = life_step(r->status, event, &r->status, why);
    if (err == 0 && (event == LIFE_TRAINING || !any_is_live(s)))
        err = serving_step(s, event, why);
    return err;
}

int serving_step_stop(struct serving *s, struct reason *why)
{
    int err = serving_step(s, LIFE_STOP, why);
    for (int i = 0; err == 0 && i < s->replica_count; i++)
        if (status_is_live(s->replicas[i].status))
            err = life_step(s->replicas[i].status, LIFE_STOP,
                            &s->replicas[i].status, why);
    return err;
}

int serving_event(struct store_txn *txn, const struct serving *s, uid_t user,
                  const char *what, struct reason *why)
{
    char object[sizeof "inference/" + sizeof s->service];
    snprintf(object, sizeof object, "inference/%s", s->service);
    return event_add(txn, user, object, why, "%s", what);
}

int serving_log_add(struct store_txn *txn, struct serving *s, double time,
                    const char *line, struct reason *why)
{
    struct text out = TEXT_INIT;
    if (s->log_full)
        return 0;
    s->log_full = stream_size(txn, serving_log(s)) > LOG_BYTES;
    if (s->log_full)
        line = _("the log is full: what is said next is left out");
    s->log_time = time > s->log_time ? time : s->log_time;
    text_put_time(&out, s->log_time);
    text_puts(&out, " ");
    text_put_printable(&out, line, strlen(line));
    text_puts(&out, "\n");
    int err = stream_append(txn, serving_log(s), out.data, out.size, why);
    text_release(&out);
    return err;
}

int serving_log_replica(struct store_txn *txn, struct serving *s,
                        const struct replica *r, double time, const char *line,
                        struct reason *why)
{
    struct text named = TEXT_INIT;
    if (s->replica_count > 1)
        text_printf(&named, "%s: ", r->machine);
    text_puts(&named, line);
    int err = serving_log_add(txn, s, time, text_string(&named), why);
    text_release(&named);
    return err;
}
