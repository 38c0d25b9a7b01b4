#include "core/training/follow.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/process/run_reports.h"
#include "core/report/artifact.h"
#include "core/report/journal.h"
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
#define TIME_AHEAD    3600.0 /* seconds that a machine's clock may be ahead */
#define PIECE_SECONDS 0.05   /* longest that a transaction takes records */
#define ROUND_SECONDS 0.2    /* then no further piece is begun */
#define READ_SECONDS  1.0    /* between two readings of one artifact */

/* A shown artifact, read before the transaction that stores it. */
struct artifact_read {
    bool done;
    struct text shown;
    struct run_reports reports; /* of an inner one, in place of its text */
    char fault[sizeof((struct reason *)0)->sentence]; /* "" = none */
};

/* The transaction that takes over the records of one piece of the journal. */
struct intake {
    struct primo *primo;
    const struct launch_target *target;
    uint64_t process, run;
    struct follow_state *state;
    /* valid for one piece: */
    struct artifact_read read[ARTIFACTS];
    struct store_txn *txn;
    struct process *p;
    double until; /* monotonic: when to leave the rest to the next piece */
};

int log_add(struct store_txn *txn, struct process *p, double time,
            const char *line, struct reason *why)
{
    struct text out = TEXT_INIT;
    time = time > p->log_time ? time : p->log_time;
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

/* Appends a line of the trainer to the log. */
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
    if (row.time < in->p->row_time)
        row.time = in->p->row_time;
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

/* An artifact that is shown is only noted here; see artifacts_read(). */
static int take_artifact(struct intake *in, const struct journal_record *r,
                         struct reason *why)
{
    struct artifact_sum sum;
    enum artifact_no no = artifact_parse(r->payload, &sum);
    (void)why;
    if (no == ARTIFACTS)
        return 0;
    in->p->sums[no] = sum;
    if (artifacts[no].shown)
        in->p->announced |= 1u << no;
    return 0;
}

/* Trainings answer nothing. */
static int take_answer(struct intake *in, const struct journal_record *r,
                       struct reason *why)
{
    (void)in;
    (void)r;
    (void)why;
    return 0;
}

/* While a trainer is awaited, a stop that is reported is that of one before it:
 * its machine was out of reach when the process was stopped. */
static bool is_old_stop(const struct process *p)
{
    return p->wanted && status_wish(p->status) == WISH_TRAIN;
}

static int take_end(struct intake *in, const struct journal_record *r,
                    struct reason *why)
{
    const char *failed = "failed: ";
    if (!strcmp(r->payload, "succeeded")) {
        in->state->succeeded = true;
        return 0;
    }
    if (!strcmp(r->payload, "stopped") && is_old_stop(in->p))
        return 0;
    if (!strcmp(r->payload, "interrupted")) {
        *in->p->stage = 0;
        return process_step(in->p, LIFE_LOST, why);
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

/* The table fails to compile if a kind of record has no function. */
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
 * the run, or until the transaction has used up its time. The record of a
 * success is not consumed (follow.h). */
static int take_records(struct intake *in, const struct text *data,
                        struct reason *why)
{
    struct journal_record r;
    size_t at = 0, n;
    int err = 0;
    while (err == 0 && status_is_live(in->p->status) &&
           (n = journal_unframe(data->data + at, data->size - at, &r)) > 0) {
        err = take_record(in, &r, why);
        if (in->state->succeeded)
            return err;
        at += n;
        in->p->offset += n;
        if (monotonic_now() > in->until)
            break;
    }
    if (at)
        in->p->changed = time_after(in->p->changed);
    return err;
}

/* Artifacts that are shown. The journal announces them; they are read before
 * the transaction begins, and not as often as somebody may announce them. */

/* The blobs that hold those artifacts which are shown while the run is live. */
static const char parts[ARTIFACTS] = {
    [ARTIFACT_CONFIG] = RUN_CONFIG,
    [ARTIFACT_DATASET] = RUN_DATASET,
};

/* Returns the bits of those that the piece announces or that *p still has to
 * be read, with the last sum reported for each. *last: the run ends in this
 * piece, so that nothing can be read later. */
static unsigned announced_find(const struct text *data, const struct process *p,
                               struct artifact_sum *sums, bool *last)
{
    struct journal_record r;
    unsigned announced = (unsigned)p->announced;
    *last = false;
    memcpy(sums, p->sums, sizeof p->sums);
    for (size_t at = 0, n;
         (n = journal_unframe(text_string(data) + at, data->size - at, &r)) > 0;
         at += n) {
        struct artifact_sum sum;
        *last |= r.kind == JOURNAL_END;
        if (r.kind != JOURNAL_ARTIFACT)
            continue;
        enum artifact_no no = artifact_parse(r.payload, &sum);
        if (no == ARTIFACTS || !artifacts[no].shown)
            continue;
        sums[no] = sum;
        announced |= 1u << no;
    }
    return announced;
}

/* A text that does not match its sum may have been written again since, which a
 * later record will announce: until the run ends, such a text is left for the
 * next reading. */
static int artifact_read(struct intake *in, int no,
                         const struct artifact_sum *sum, bool last)
{
    struct artifact_read *read = &in->read[no];
    struct text text = TEXT_INIT;
    struct reason why = REASON_INIT;
    in->state->read_at[no] = monotonic_now();
    int err = in->target->site->launcher->fetch_text(
        in->target, in->run, artifacts[no].name, artifacts[no].limit, &text,
        &why);
    bool fits = err || artifact_sum_fits(
                           sum, artifact_crc(text_string(&text), text.size));
    if (err == 0 && !fits)
        refuse(&why, EIO, "'%s' is not what the trainer has written",
               artifacts[no].name);
    read->done = fits || last;
    if (err == 0 && fits && artifacts[no].inner)
        err = run_reports_make(&read->reports, &text, &why);
    else if (err == 0 && fits)
        text_put_printable_lines(&read->shown, text_string(&text), text.size);
    if (err || !fits)
        strcpy(read->fault, why.sentence);
    text_release(&text);
    return err == -EHOSTUNREACH ? err : 0;
}

static bool is_due(const struct follow_state *state, int no)
{
    double at = state->read_at[no];
    return at == 0 || monotonic_now() - at >= READ_SECONDS;
}

/* EHOSTUNREACH: the machine is out of reach, and all is to be tried again. */
static int artifacts_read(struct intake *in, const struct process *p,
                          const struct text *data)
{
    struct artifact_sum sums[ARTIFACTS];
    bool last;
    int err = 0;
    unsigned announced = announced_find(data, p, sums, &last);
    for (int i = 0; i < ARTIFACTS && err == 0; i++)
        if (announced & 1u << i && (last || is_due(in->state, i)))
            err = artifact_read(in, i, &sums[i], last);
    return err;
}

static void artifacts_release(struct intake *in)
{
    for (int i = 0; i < ARTIFACTS; i++) {
        text_release(&in->read[i].shown);
        run_reports_release(&in->read[i].reports);
    }
    memset(in->read, 0, sizeof in->read);
}

/* Stores the texts that were read, as far as the records have announced them.
 */
static int artifacts_put(struct intake *in, struct reason *why)
{
    int err = 0;
    for (int i = 0; i < ARTIFACTS && err == 0; i++) {
        const struct artifact_read *read = &in->read[i];
        if (!read->done || !(in->p->announced & 1u << i))
            continue;
        in->p->announced &= ~(1ull << i);
        if (*read->fault)
            err = log_take(in, unix_now(), read->fault, why);
        else if (read->reports.made)
            err = run_reports_put(in->txn, in->p, &read->reports, why);
        else
            err = blob_put(in->txn, in->run, parts[i],
                           text_string(&read->shown), read->shown.size, why);
        in->p->changed = time_after(in->p->changed);
    }
    return err;
}

/* Whether a text is to be read although the journal has nothing new. */
static bool announced_due(const struct intake *in, const struct process *p)
{
    bool due = false;
    for (int i = 0; i < ARTIFACTS; i++)
        due |= p->announced & 1u << i && is_due(in->state, i);
    return due;
}

/* Pieces */

static int piece_put(struct intake *in, const struct launch_piece *piece,
                     struct reason *why)
{
    in->p->segment = piece->segment;
    in->p->offset = piece->offset;
    in->until = monotonic_now() + PIECE_SECONDS;
    int err = take_records(in, &piece->data, why);
    if (err == 0)
        err = artifacts_put(in, why);
    if (err == 0 && !status_is_live(in->p->status))
        err = end_event_add(in->txn, in->primo->owner, in->p, why);
    return err ? err : process_save(in->txn, in->p, why);
}

/* Takes over one piece of the journal in one transaction. The record is loaded
 * again inside it: a user may have changed it since the piece was read. */
static int take_piece(struct intake *in, const struct launch_piece *piece,
                      struct reason *why)
{
    struct process p;
    int err = store_begin(in->primo->store, true, &in->txn, why);
    if (err)
        return err;
    err = process_load_run(in->txn, in->process, in->run, &p, why);
    if (err) {
        store_abort(in->txn);
        return err;
    }
    in->p = &p;
    err = piece_put(in, piece, why);
    err = store_end(in->txn, err, why);
    if (err) /* The report of success will be read again. */
        in->state->succeeded = false;
    process_release(&p);
    return err;
}

/* Takes over the next piece; *more says whether there was one. */
static int follow_piece(struct intake *in, struct launch_piece *piece,
                        bool *more, struct reason *why)
{
    struct process p;
    int err = process_read(in->primo->store, in->process, &p, why);
    *more = false;
    if (err)
        return err;
    bool live = p.run == in->run && status_is_live(p.status);
    if (live) {
        piece->segment = p.segment;
        piece->offset = p.offset;
        int found = launch_piece_next(in->target, in->run, piece);
        *more = found > 0;
        err = found < 0 ? found : 0;
    }
    if (err == 0 && (*more || (live && announced_due(in, &p)))) {
        err = artifacts_read(in, &p, &piece->data);
        if (err == 0)
            err = take_piece(in, piece, why);
        artifacts_release(in);
    }
    if (err == -EHOSTUNREACH)
        refuse(why, EHOSTUNREACH, "the machine '%s' is out of reach",
               p.machine);
    process_release(&p);
    return err;
}

int run_follow(struct primo *primo, const struct launch_target *target,
               uint64_t process, uint64_t run, struct follow_state *state,
               struct reason *why)
{
    struct intake in = {.primo = primo,
                        .target = target,
                        .process = process,
                        .run = run,
                        .state = state};
    struct launch_piece piece = {.data = TEXT_INIT};
    double until = monotonic_now() + ROUND_SECONDS;
    bool more = true;
    int err = 0;
    state->succeeded = false;
    for (int i = 0; err == 0 && more && !state->succeeded && i < PIECES &&
                    monotonic_now() < until;
         i++)
        err = follow_piece(&in, &piece, &more, why);
    text_release(&piece.data);
    /* Nothing follows the record of a success, and an error will still be there
     * a moment later: in neither case is it worth coming back at once. */
    state->more = more && !state->succeeded && err == 0;
    return err;
}
