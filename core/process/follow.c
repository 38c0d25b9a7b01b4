#include "core/process/follow.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/process/process.h"
#include "core/shared/artifact.h"
#include "core/shared/journal.h"
#include "core/store/stream.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What one run may bring into the store. A trainer that trains says far less;
 * one that was made to say more must not fill the disk, nor keep others waiting
 * for the store's only writer. */
enum {
    FACTS_BYTES = 16 << 10,
    LOG_BYTES = 8 << 20,
    METRICS_BYTES = 16 << 20,
    PIECES = 32, /* transactions in one round */
};
#define TIME_AHEAD 3600.0 /* seconds that a machine's clock may be ahead */

/* The transaction that takes over the records of one piece of the journal. */
struct intake {
    struct store_txn *txn;
    struct process *p;
    const struct launch_target *target;
    bool succeeded;
};

int log_add(struct store_txn *txn, struct process *p, double time,
            const char *line, struct reason *why)
{
    struct text out = TEXT_INIT;
    text_put_time(&out, time);
    text_puts(&out, " ");
    text_put_printable(&out, line, strlen(line));
    text_puts(&out, "\n");
    int err = stream_append(txn, process_log(p), out.data, out.size, why);
    text_release(&out);
    p->log_time = time;
    return err;
}

int end_event_add(struct store_txn *txn, uid_t owner, const struct process *p,
                  struct reason *why)
{
    struct text what = TEXT_INIT;
    text_printf(&what, "%s%s%s", status_name(p->status), *p->reason ? ": " : "",
                p->reason);
    int err = process_event(txn, p, owner, text_string(&what), why);
    text_release(&what);
    return err;
}

/* Returns the time in a record if it is plausible, else the present time: a
 * wrong clock on another machine, or a trainer that lies, must not decide the
 * order of our texts. */
static double time_judge(double time)
{
    double now = unix_now();
    return time > 0 && time < now + TIME_AHEAD ? time : now;
}

/* Append a line of the trainer to the log. */
static int log_take(struct intake *in, double time, const char *line,
                    struct reason *why)
{
    if (in->p->log_full)
        return 0;
    in->p->log_full = stream_size(in->txn, process_log(in->p)) > LOG_BYTES;
    if (in->p->log_full)
        line = _("the log is full: what the trainer says next is left out");
    return log_add(in->txn, in->p, time, line, why);
}

/* Each kind of record has a function. */

static int take_open(struct intake *in, const struct journal_record *r,
                     struct reason *why)
{
    const char *at = strstr(r->payload, "iteration=");
    long long from = 0;
    struct text line = TEXT_INIT;
    if (at && parse_int(at + strlen("iteration="), &from) && from > 0)
        text_printf(&line,
                    _("the trainer continues from its checkpoint at update "
                      "%lld"),
                    from);
    else
        text_puts(&line, _("the trainer begins"));
    int err = log_take(in, r->time, text_string(&line), why);
    text_release(&line);
    return err;
}

/* Keys and stages are words of lower-case letters, digits and underscores. */
static bool is_word(const char *s, size_t most)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && n <= most && !s[n];
}

static int take_stage(struct intake *in, const struct journal_record *r,
                      struct reason *why)
{
    if (!is_word(r->payload, sizeof in->p->stage - 1))
        return 0;
    strcpy(in->p->stage, r->payload);
    if (!strcmp(r->payload, "training"))
        process_step(in->p, LIFE_TRAINING, NULL);
    struct text line = TEXT_INIT;
    text_printf(&line, _("stage: %s"), translate_in("stage", r->payload));
    int err = log_take(in, r->time, text_string(&line), why);
    text_release(&line);
    return err;
}

static int take_log(struct intake *in, const struct journal_record *r,
                    struct reason *why)
{
    return log_take(in, r->time, r->payload, why);
}

/* Whether one more row fits. The log says once that rows are left out. */
static bool metrics_have_room(struct intake *in, double time)
{
    bool full = stream_size(in->txn, process_metrics(in->p)) > METRICS_BYTES;
    if (full && !in->p->metrics_full)
        log_take(in, time, _("metrics.csv is full: later rows are left out"),
                 NULL);
    in->p->metrics_full = full;
    return !full;
}

/* A resumed trainer repeats the rows that followed its checkpoint. A row is new
 * if it belongs to a later update than the last row stored, or if it adds the
 * evaluation to that update: hence the order, which is odd with an evaluation.
 */
static int take_metric(struct intake *in, const struct journal_record *r,
                       struct reason *why)
{
    struct metrics_row row;
    if (!metrics_row_parse(r->payload, &row) || row.iteration > UINT64_MAX / 4)
        return 0;
    uint64_t order = 2 * row.iteration + !isnan(row.average_precision);
    if (order <= in->p->row_iteration || !metrics_have_room(in, r->time))
        return 0;
    row.time = time_judge(row.time);
    in->p->row_iteration = order;
    in->p->row_time = row.time;
    struct text line = TEXT_INIT;
    metrics_row_print(&line, &row);
    int err = stream_append(in->txn, process_metrics(in->p), line.data,
                            line.size, why);
    text_release(&line);
    return err;
}

static int take_progress(struct intake *in, const struct journal_record *r,
                         struct reason *why)
{
    struct progress progress;
    (void)why;
    if (progress_parse(r->payload, &progress))
        in->p->progress = progress;
    return 0;
}

static int take_fact(struct intake *in, const struct journal_record *r,
                     struct reason *why)
{
    char copy[JOURNAL_PAYLOAD_MAX + 1];
    (void)why;
    memcpy(copy, r->payload, r->size + 1);
    char *value = strchr(copy, '=');
    if (!value || in->p->facts.size + r->size >= FACTS_BYTES)
        return 0;
    *value++ = 0;
    if (journal_has_fact(copy))
        process_set_fact(in->p, copy, value);
    return 0;
}

static int take_checkpoint(struct intake *in, const struct journal_record *r,
                           struct reason *why)
{
    long long n;
    (void)why;
    if (!strncmp(r->payload, "iteration=", 10) &&
        parse_int(r->payload + 10, &n) && (uint64_t)n > in->p->checkpoint &&
        n > 0) {
        in->p->checkpoint = (uint64_t)n;
        in->p->losses = 0;
    }
    return 0;
}

/* The blobs that hold those artifacts which are shown while the run is live. */
static const char parts[ARTIFACTS] = {
    [ARTIFACT_CONFIG] = RUN_CONFIG,
    [ARTIFACT_DATASET] = RUN_DATASET,
};

static int take_artifact(struct intake *in, const struct journal_record *r,
                         struct reason *why)
{
    enum artifact_no no = artifact_find(r->payload);
    if (no == ARTIFACTS || !artifacts[no].shown)
        return 0;
    struct text text = TEXT_INIT, shown = TEXT_INIT;
    struct reason unread = REASON_INIT;
    int err = in->target->site->launcher->fetch_text(
        in->target, in->p->run, r->payload, artifacts[no].limit, &text,
        &unread);
    text_put_printable_lines(&shown, text_string(&text), text.size);
    if (err)
        err = log_take(in, r->time, unread.sentence, why);
    else
        err = blob_put(in->txn, in->p->run, parts[no], text_string(&shown),
                       shown.size, why);
    text_release(&shown);
    text_release(&text);
    return err;
}

static int take_end(struct intake *in, const struct journal_record *r,
                    struct reason *why)
{
    const char *failed = "failed: ";
    if (!strcmp(r->payload, "succeeded")) {
        in->succeeded = true;
        return 0;
    }
    if (!strcmp(r->payload, "stopped"))
        return process_step(in->p, LIFE_ENDED_STOPPED, why);
    if (strncmp(r->payload, failed, strlen(failed)))
        failed = "";
    snprintf(in->p->reason, sizeof in->p->reason, "%.1000s",
             r->payload + strlen(failed));
    in->p->reason[utf8_valid(in->p->reason, strlen(in->p->reason))] = 0;
    make_printable(in->p->reason);
    log_add(in->txn, in->p, r->time, in->p->reason, NULL);
    return process_step(in->p, LIFE_ENDED_FAILED, why);
}

typedef int take_fn(struct intake *in, const struct journal_record *r,
                    struct reason *why);

/* A kind without its function does not compile. */
#define KIND_TAKE(NAME, name, letter) [letter] = take_##name,
static take_fn *const takes[] = {JOURNAL_KINDS(KIND_TAKE)};
#undef KIND_TAKE

static int take_record(struct intake *in, struct journal_record *r,
                       struct reason *why)
{
    r->time = time_judge(r->time);
    return takes[r->kind](in, r, why);
}

/* Takes the complete records at the beginning of `data`, up to one that ends
 * the run. The record of a success is not consumed (follow.h). */
static int take_records(struct intake *in, const struct text *data,
                        struct reason *why)
{
    struct journal_record r;
    size_t at = 0, n;
    int err = 0;
    while (err == 0 && status_is_live(in->p->status) &&
           (n = journal_unframe(data->data + at, data->size - at, &r)) > 0) {
        err = take_record(in, &r, why);
        if (in->succeeded)
            return err;
        at += n;
        in->p->offset += n;
        in->p->changed = unix_now();
    }
    return err;
}

static bool has_record(const struct text *data)
{
    struct journal_record r;
    return data->size && journal_unframe(data->data, data->size, &r) > 0;
}

/* Takes over one piece of the journal in one transaction. The record is loaded
 * again inside it: a user may have changed it since the piece was read. */
static int take_piece(struct primo *primo, struct intake *in, uint64_t process,
                      uint64_t run, uint64_t segment, uint64_t offset,
                      const struct text *data, struct reason *why)
{
    struct process p;
    int err = store_begin(primo->store, true, &in->txn, why);
    if (err)
        return err;
    err = process_load_run(in->txn, process, run, &p, why);
    if (err) {
        store_abort(in->txn);
        return err;
    }
    in->p = &p;
    p.segment = segment;
    p.offset = offset;
    err = take_records(in, data, why);
    if (err == 0 && !status_is_live(p.status))
        err = end_event_add(in->txn, primo->owner, &p, why);
    if (err == 0)
        err = process_save(in->txn, &p, why);
    err = store_end(in->txn, err, why);
    process_release(&p);
    return err;
}

/* Reads the next piece that has complete records: from this segment, or else
 * from the beginning of the next one. Once a next segment exists, nothing is
 * ever added to this one, because a new trainer has opened it. */
static bool next_piece(const struct launch_target *target,
                       const struct process *p, uint64_t *segment,
                       uint64_t *offset, struct text *data)
{
    *segment = p->segment ? p->segment : 1;
    *offset = p->offset;
    text_clear(data);
    target->site->launcher->follow(target, p->run, *segment, *offset, data);
    if (has_record(data))
        return true;
    *segment += 1;
    *offset = 0;
    text_clear(data);
    target->site->launcher->follow(target, p->run, *segment, 0, data);
    return has_record(data);
}

int run_follow(struct primo *primo, const struct launch_target *target,
               uint64_t process, uint64_t run, struct follow_state *out,
               struct reason *why)
{
    struct intake in = {.target = target};
    struct text data = TEXT_INIT;
    bool more = true;
    int err = 0;
    for (int i = 0; err == 0 && more && !in.succeeded && i < PIECES; i++) {
        struct process p;
        uint64_t segment, offset;
        err = process_read(primo->store, process, &p, why);
        if (err)
            break;
        more = p.run == run && status_is_live(p.status) &&
               next_piece(target, &p, &segment, &offset, &data);
        if (more)
            err = take_piece(primo, &in, process, run, segment, offset, &data,
                             why);
        process_release(&p);
    }
    text_release(&data);
    /* Nothing follows the record of a success, and an error will still be there
     * a moment later: in neither case is it worth coming back at once. */
    *out = (struct follow_state){.succeeded = in.succeeded,
                                 .more = more && !in.succeeded && err == 0};
    return err;
}
