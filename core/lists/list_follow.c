#include "core/lists/list_follow.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/evaluation/csv.h"
#include "core/inbox/spool.h"
#include "core/lists/list_answer.h"
#include "core/report/artifact.h"
#include "core/report/journal.h"
#include "core/report/list_row.h"
#include "core/serve/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Most bytes of the rows of one list. */
#define ROWS_BYTES (1ull << 30)

/* One piece of the journal on its way into the store. */
struct piece {
    struct list_watch *w;
    struct launch_piece from;
    bool ended;      /* the worker has said that all is answered, */
    char fault[512]; /* or that it cannot be, "" = it has not */
    struct evaluation evaluation;
    struct store_txn *txn;
    struct serving s;
    struct object o;
    struct request r;
    struct list list;
    struct text rows; /* that are new */
    bool answered;
    uint64_t spooled; /* bytes that are not needed any more, 0 = none */
};

/* Rows */

static const char *label(const struct piece *p, int class)
{
    return class < 0 ? "" : p->w->model.labels[class];
}

/* Whether it is the next row and says what can be. */
static bool row_fits(const struct piece *p, const struct list_row *row)
{
    int classes = p->w->model.classes;
    return row->row == p->list.rows && p->list.planned &&
           row->row < p->list.pictures && row->class < classes &&
           row->truth < classes;
}

static void row_count(struct piece *p, const struct list_row *row,
                      const char *state)
{
    struct list *l = &p->list;
    l->rows++;
    l->losses = 0;
    l->ok += !strcmp(state, "ok");
    l->check += !strcmp(state, "check");
    l->unknown += !strcmp(state, "unknown");
    l->errors += row->class < 0;
    l->labelled += row->truth >= 0 && row->class >= 0;
    p->s.answered++;
    p->s.unsure += !strcmp(state, "check") || !strcmp(state, "unknown");
    p->s.failed += row->class < 0;
}

/* "3", or "1-12": the pages that the class is of. */
static void pages_put(struct text *out, const struct list_row *row)
{
    text_printf(out, "%d", row->first_page);
    if (row->pages > 1)
        text_printf(out, "-%d", row->first_page + row->pages - 1);
}

static void row_put(struct piece *p, const struct list_row *row)
{
    bool known = row->class >= 0;
    const char *state =
        known ? answer_state(&p->w->text, row->confidence) : "error";
    csv_count(&p->rows, (long long)row->line, ',');
    csv_text(&p->rows, row->path, ',');
    if (known)
        pages_put(&p->rows, row);
    text_puts(&p->rows, ",");
    csv_text(&p->rows, label(p, row->class), ',');
    if (known)
        text_put_double(&p->rows, row->confidence, 6);
    text_printf(&p->rows, ",%s,", state);
    csv_text(&p->rows, label(p, row->truth), ',');
    if (known)
        text_put_double(&p->rows, row->decode + row->network, 4);
    text_puts(&p->rows, ",");
    csv_text(&p->rows, row->error, '\n');
    row_count(p, row, state);
}

/* Records */

static void end_take(struct piece *p, const char *payload)
{
    static const char failed[] = "failed: ";
    p->ended = !strcmp(payload, "succeeded") && p->list.planned &&
               p->list.rows == p->list.pictures;
    if (!strncmp(payload, failed, strlen(failed))) {
        snprintf(p->fault, sizeof p->fault, "%.500s", payload + strlen(failed));
        p->fault[utf8_valid(p->fault, strlen(p->fault))] = 0;
        make_printable(p->fault);
    }
}

static void record_take(struct piece *p, const struct journal_record *record)
{
    struct list_row row;
    switch (record->kind) {
    case JOURNAL_FACT:
        p->list.planned |=
            !p->list.planned &&
            sscanf(record->payload,
                   "pictures=%" SCNu64 " lines=%" SCNu64 " sha256=%64[0-9a-f]",
                   &p->list.pictures, &p->list.lines, p->list.sha256) >= 2;
        return;
    case JOURNAL_ANSWER:
        if (list_row_parse(record->payload, &row) && row_fits(p, &row))
            row_put(p, &row);
        return;
    case JOURNAL_END:
        end_take(p, record->payload);
        return;
    default:
        return;
    }
}

static void records_take(struct piece *p)
{
    struct journal_record record;
    size_t at = 0, n;
    while ((n = journal_unframe(p->from.data.data + at, p->from.data.size - at,
                                &record)) > 0) {
        record_take(p, &record);
        at += n;
    }
    double now = unix_now();
    if (p->rows.size && now > p->list.changed)
        p->list.changed = now;
    p->list.segment = p->from.segment;
    p->list.offset = p->from.offset + at;
}

/* Answering */

static int answer(struct piece *p, const char *code, const char *error,
                  struct reason *why)
{
    struct list_watch *w = p->w;
    bool usable = p->evaluation.class_count == w->model.classes &&
                  (uint64_t)p->evaluation.picture_count == p->list.labelled;
    struct answering a = {.primo = w->primo,
                          .txn = p->txn,
                          .serving = &p->s,
                          .service = &w->text,
                          .model = w->model.version ? &w->model : NULL};
    const struct list_end end = {
        .list = &p->list,
        .evaluation = p->list.labelled && usable ? &p->evaluation : NULL,
        .code = code,
        .error = error};
    uint64_t body = p->o.number;
    int err = list_answer(&a, &p->o, &p->r, &end, why);
    if (err == 0)
        err = list_leave_work(p->txn, &p->s, &p->list, why);
    p->spooled = p->o.number ? 0 : body;
    p->answered = err == 0;
    return err;
}

static int rows_save(struct piece *p, struct reason *why)
{
    struct stream rows = list_rows(&p->list);
    if (stream_size(p->txn, rows) + p->rows.size > ROWS_BYTES)
        snprintf(p->fault, sizeof p->fault, "%s",
                 _("the rows of the list take more than 1 GiB; divide it"));
    else if (p->rows.size)
        return stream_append(p->txn, rows, p->rows.data, p->rows.size, why);
    return 0;
}

/* Pieces */

/* Loads what is there now. -ESRCH: the list is not in work any more. */
static int piece_load(struct piece *p, struct reason *why)
{
    struct list_watch *w = p->w;
    int err = serving_load(p->txn, w->service, &p->s, why);
    if (err == 0)
        err = request_load(p->txn, w->request, &p->o, &p->r);
    if (err == 0)
        err = list_load(p->txn, w->request, &p->list);
    return err ? err
           : p->s.list == w->request && p->s.list_run == w->list.run &&
                   p->list.run == w->list.run && p->r.waits &&
                   p->r.revision == p->list.revision
               ? 0
               : -ESRCH;
}

static int piece_change(struct piece *p, struct reason *why)
{
    int err;
    records_take(p);
    err = rows_save(p, why);
    if (err == 0 && *p->fault)
        err = answer(p, "failed", p->fault, why);
    else if (err == 0 && p->ended)
        err = answer(p, "", "", why);
    if (err == 0)
        err = list_save(p->txn, p->w->request, &p->list, why);
    return err ? err : serving_save(p->txn, &p->s, why);
}

static int piece_put(struct piece *p, struct reason *why)
{
    int err = store_begin(p->w->primo->store, true, &p->txn, why);
    if (err)
        return err;
    text_clear(&p->rows);
    *p->fault = 0;
    p->answered = p->ended = false;
    err = piece_load(p, why);
    if (err == 0)
        err = piece_change(p, why);
    object_release(&p->o);
    return store_end(p->txn, err, why);
}

/* The evaluation is there before the end that is said after it. */
static void evaluation_fetch(struct piece *p)
{
    const struct list_watch *w = p->w;
    struct journal_record r;
    struct text text = TEXT_INIT;
    bool ends = false;
    for (size_t at = 0, n;
         (n = journal_unframe(p->from.data.data + at, p->from.data.size - at,
                              &r)) > 0;
         at += n)
        ends |= r.kind == JOURNAL_END;
    if (ends &&
        w->target.site->launcher->fetch_text(
            &w->target, w->list.run, artifacts[ARTIFACT_EVALUATION].name,
            EVALUATION_BYTES, &text, NULL) == 0)
        evaluation_parse(&p->evaluation, text_string(&text), text.size, NULL);
    text_release(&text);
}

static void piece_end(struct piece *p, int err)
{
    struct list_watch *w = p->w;
    if (err == 0 && p->spooled)
        spool_remove(w->primo, w->request, p->spooled);
    if (err == 0 && p->answered)
        serve_answered(w->primo->serve, w->request);
    else if (err == 0 && p->rows.size)
        store_announce(w->primo->store);
    if (err == 0 && (p->list.rows > w->list.rows || !w->heard))
        w->news_at = monotonic_now();
    w->heard |= err == 0;
    if (err == 0)
        w->list = p->list;
    evaluation_release(&p->evaluation);
    text_release(&p->from.data);
    text_release(&p->rows);
}

bool list_follow(struct list_watch *w)
{
    struct piece p = {.w = w,
                      .from = {w->list.segment, w->list.offset, TEXT_INIT}};
    evaluation_init(&p.evaluation);
    if (launch_piece_next(&w->target, w->list.run, &p.from) <= 0) {
        piece_end(&p, -ENOENT);
        return false;
    }
    evaluation_fetch(&p);
    pthread_mutex_lock(&w->primo->change);
    int err = piece_put(&p, NULL);
    if (store_makes_room(w->primo->store, err))
        err = piece_put(&p, NULL);
    pthread_mutex_unlock(&w->primo->change);
    piece_end(&p, err);
    return err == 0;
}

void list_fail(struct list_watch *w, const char *code, const char *sentence)
{
    struct piece p = {.w = w};
    evaluation_init(&p.evaluation);
    pthread_mutex_lock(&w->primo->change);
    int err = store_begin(w->primo->store, true, &p.txn, NULL);
    if (err == 0) {
        err = piece_load(&p, NULL);
        if (err == 0)
            err = answer(&p, code, sentence, NULL);
        if (err == 0)
            err = serving_save(p.txn, &p.s, NULL);
        object_release(&p.o);
        err = store_end(p.txn, err, NULL);
    }
    pthread_mutex_unlock(&w->primo->change);
    piece_end(&p, err);
}
