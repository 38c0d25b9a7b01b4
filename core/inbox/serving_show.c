/* The texts of the generated files of inference/NAME, and of answers. */
#include "core/basic/language.h"
#include "core/inbox/list.h"
#include "core/inbox/request.h"
#include "core/inbox/serving.h"
#include "core/process/reach.h"
#include "core/process/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

show_fn show_serving_enabled, show_serving_status, show_serving_info,
    show_serving_info_json, show_serving_queue, show_answer, show_awaited,
    show_sorted;
int64_t mtime_serving(const struct show_request *r);
int64_t mtime_list(const struct show_request *r);
uint64_t stream_of_list(const struct show_request *r);

static int64_t ns(double seconds)
{
    return (int64_t)(seconds * 1e9);
}

int show_serving_enabled(struct show_request *r, struct text *out,
                         struct reason *why)
{
    struct serving s;
    int err = serving_load(r->txn, r->object, &s, why);
    r->mtime = ns(s.enabled_changed);
    text_puts(out, s.enabled ? "yes\n" : "no\n");
    return err;
}

int show_serving_status(struct show_request *r, struct text *out,
                        struct reason *why)
{
    struct serving s;
    int err = serving_load(r->txn, r->object, &s, why);
    r->mtime = ns(s.status_changed);
    text_printf(out, "%s\n", status_name(s.status));
    return err;
}

/* info: keys and words are the same in every language, as those of a process
 * are. */

static void put_line(struct text *out, const char *key, const char *value)
{
    const char *label = translate_in("info", key);
    if (label != key)
        text_printf(out, "# %s\n", label);
    text_printf(out, "%s:%s%s\n", key, *value ? " " : "", value);
}

static void put_count(struct text *out, const char *key, uint64_t n)
{
    char value[32];
    snprintf(value, sizeof value, "%" PRIu64, n);
    put_line(out, key, value);
}

static void put_real(struct text *out, const char *key, double v, int digits)
{
    struct text value = TEXT_INIT;
    if (v > 0)
        text_put_double(&value, v, digits);
    put_line(out, key, text_string(&value));
    text_release(&value);
}

static void put_moment(struct text *out, const char *key, double time)
{
    struct text value = TEXT_INIT;
    if (time > 0)
        text_put_time(&value, time);
    put_line(out, key, text_string(&value));
    text_release(&value);
}

/* Since when the machine of a replica is not reached, and why, while that
 * matters. */
static bool put_away(struct show_request *r, const struct serving *s,
                     const struct replica *of, struct text *out)
{
    struct machine_facts f;
    bool matters =
        status_is_live(s->status) && (status_is_live(of->status) || of->away);
    if (!matters || !run_reach(r, of->launcher, of->run, &f))
        return false;
    r->mtime = ns(f.since) > r->mtime ? ns(f.since) : r->mtime;
    return reach_put(&f, out);
}

/* What is known of the queue in which its worker waits, or has waited. */
static bool put_waits(struct show_request *r, const struct serving *s,
                      const struct replica *of, struct text *out)
{
    struct machine_facts f;
    size_t had = out->size;
    if (!status_is_live(s->status) || !of->loaded ||
        !run_reach(r, of->launcher, of->run, &f))
        return false;
    r->mtime = f.changed > r->mtime ? f.changed : r->mtime;
    run_waits(r, of->launcher, of->run, out);
    return out->size > had;
}

/* What each of several machines does: "machine NAME: running, 12 answered". */
static void put_replica(struct show_request *r, const struct serving *s,
                        const struct replica *of, struct text *out)
{
    struct text away = TEXT_INIT, queue = TEXT_INIT;
    text_printf(out, "machine %s: %s, %" PRIu64 " answered", of->machine,
                status_name(of->status), of->answers);
    if (put_away(r, s, of, &away))
        text_printf(out, ", unreached since %s", text_string(&away));
    else if (*of->fault)
        text_printf(out, ", %s", of->fault);
    if (put_waits(r, s, of, &queue))
        text_printf(out, ", %s", text_string(&queue));
    text_puts(out, "\n");
    text_release(&queue);
    text_release(&away);
}

static void put_machines(struct show_request *r, const struct serving *s,
                         struct text *out)
{
    struct text words = TEXT_INIT;
    serving_machines(s, &words);
    put_line(out, NC_("info", "machine"), text_string(&words));
    for (int i = 0; s->replica_count > 1 && i < s->replica_count; i++)
        put_replica(r, s, &s->replicas[i], out);
    text_clear(&words);
    if (s->replica_count == 1 && put_away(r, s, &s->replicas[0], &words))
        put_line(out, NC_("info", "unreached"), text_string(&words));
    text_clear(&words);
    if (s->replica_count == 1 && put_waits(r, s, &s->replicas[0], &words))
        put_line(out, NC_("info", "queue"), text_string(&words));
    text_release(&words);
}

int show_serving_info(struct show_request *r, struct text *out,
                      struct reason *why)
{
    struct serving s;
    struct text user = TEXT_INIT;
    int err = serving_load(r->txn, r->object, &s, why);
    if (err)
        return err;
    r->mtime = ns(s.changed);
    put_line(out, NC_("info", "service"), s.service);
    user_name(&user, (uid_t)s.author);
    put_line(out, NC_("info", "author"), text_string(&user));
    text_release(&user);
    put_line(out, NC_("info", "status"), status_name(s.status));
    put_line(out, NC_("info", "model"), s.called);
    put_machines(r, &s, out);
    put_moment(out, NC_("info", "created"), s.created);
    put_moment(out, NC_("info", "started"), s.started);
    put_line(out, NC_("info", "loaded"), serving_is_loaded(&s) ? "yes" : "no");
    put_count(out, NC_("info", "waiting"), request_count_waiting(r->txn, s.id));
    put_count(out, NC_("info", "answered"), s.answered);
    put_count(out, NC_("info", "unsure"), s.unsure);
    put_count(out, NC_("info", "failed"), s.failed);
    put_real(out, NC_("info", "pictures_per_second"), s.rate, 4);
    put_real(out, NC_("info", "latency_ms"), s.latency_median, 4);
    put_real(out, NC_("info", "latency_ms_99"), s.latency_most, 4);
    put_line(out, NC_("info", "reason"), s.reason);
    return 0;
}

int show_serving_info_json(struct show_request *r, struct text *out,
                           struct reason *why)
{
    struct text info = TEXT_INIT;
    int err = show_serving_info(r, &info, why);
    if (err == 0)
        put_lines_as_json(out, &info);
    text_release(&info);
    return err;
}

/* Who waits, in order: the user, since when, and the file. Thousands may wait,
 * nearly all of one user, whose name is looked up once. */
int show_serving_queue(struct show_request *r, struct text *out,
                       struct reason *why)
{
    uint64_t after = 0, id;
    bool lists = false;
    struct text user = TEXT_INIT;
    uid_t named = 0;
    (void)why;
    while (request_waiting_any(r->txn, r->object, &lists, &after, &id) == 0) {
        struct object o = OBJECT_INIT;
        struct request q;
        if (request_load(r->txn, id, &o, &q) == 0 &&
            (!r->only || *r->only == o.uid)) {
            if (!user.size || named != o.uid) {
                text_clear(&user);
                user_name(&user, o.uid);
                named = o.uid;
            }
            text_put_time(out, q.completed);
            text_printf(out, " %s ", text_string(&user));
            text_put_printable(out, o.name, strlen(o.name));
            text_puts(out, "\n");
        }
        object_release(&o);
    }
    text_release(&user);
    return 0;
}

/* Answers */

int show_answer(struct show_request *r, struct text *out, struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct request q = {0};
    int err = request_load(r->txn, r->object, &o, &q);
    object_release(&o);
    if (err == 0 && !q.answered)
        err = -ENOENT;
    if (err == 0)
        err = blob_get(r->txn, r->object, REQUEST_ANSWER, out);
    r->mtime = ns(q.ended);
    return err ? refuse(why, -err, "there is no answer yet") : 0;
}

/* Nothing while there is no answer to the present revision: then reading
 * blocks. */
int show_awaited(struct show_request *r, struct text *out, struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct request q = {0};
    int err = request_load(r->txn, r->object, &o, &q);
    object_release(&o);
    r->mtime = ns(q.ended);
    if (err || !q.answered || q.waits ||
        handles_write(&r->primo->handles, r->object))
        return 0;
    return show_answer(r, out, why);
}

int show_sorted(struct show_request *r, struct text *out, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = object_get(r->txn, r->object, &o);
    if (err == 0)
        text_printf(out, "../../in/%s", o.name);
    r->mtime = o.mtime;
    object_release(&o);
    return err ? refuse(why, -err, "the picture is gone") : 0;
}

int64_t mtime_serving(const struct show_request *r)
{
    struct serving s;
    return serving_load(r->txn, r->object, &s, NULL) ? 0 : ns(s.changed);
}

uint64_t stream_of_list(const struct show_request *r)
{
    struct list l;
    return list_load(r->txn, r->object, &l) ? 0 : l.run;
}

int64_t mtime_list(const struct show_request *r)
{
    struct list l;
    return list_load(r->txn, r->object, &l) ? 0 : ns(l.changed);
}
