#include "core/lists/list_answer.h"

#include "core/basic/json.h"
#include "core/evaluation/csv.h"
#include "core/evaluation/figures.h"
#include "core/evaluation/matrix.h"
#include "core/inbox/spool.h"

#include <math.h>
#include <string.h>

/* Evaluation */

/* A share, as it stands in the reports. */
static void share_member(struct text *out, const char *key, double v)
{
    json_put_number(out, key, v, 7);
}

static void number_member(struct text *out, const char *key, double v)
{
    json_put_number(out, key, v, 15);
}

static void put_class(struct text *out, const struct answer_model *m,
                      const struct evaluation *e, const struct figures *f,
                      int i)
{
    text_puts(out, "{");
    json_put_member(out, "field", m->labels[i]);
    number_member(out, "pictures", f->classes[i].pictures);
    share_member(out, "precision", f->classes[i].precision);
    share_member(out, "recall", f->classes[i].recall);
    share_member(out, "f1", f->classes[i].f1);
    share_member(out, "average_precision", e->classes[i].average_precision);
    text_puts(out, "}");
}

/* The mix-ups and the right answers, as far as there are any. */
static void put_confusion(struct text *out, const struct answer_model *m,
                          const struct matrix *x)
{
    bool first = true;
    json_put_key(out, "confusion");
    text_puts(out, "[");
    for (int i = 0; i < x->side * x->side; i++) {
        int truth = x->classes[i / x->side], taken = x->classes[i % x->side];
        if (!x->counts[i])
            continue;
        text_puts(out, first ? "{" : ",{");
        json_put_member(out, "truth", truth < 0 ? "" : m->labels[truth]);
        json_put_member(out, "field", taken < 0 ? "" : m->labels[taken]);
        number_member(out, "pictures", x->counts[i]);
        text_puts(out, "}");
        first = false;
    }
    text_puts(out, "]");
}

static void put_figures(struct text *out, const struct answer_model *m,
                        const struct evaluation *e)
{
    struct figures f;
    struct matrix x;
    figures_make(&f, e);
    matrix_make(&x, e, &f, MATRIX_MOST);
    text_puts(out, "{");
    number_member(out, "pictures", f.pictures);
    share_member(out, "accuracy", f.accuracy);
    share_member(out, "average_precision", f.average_precision);
    share_member(out, "macro_f1", f.macro_f1);
    share_member(out, "calibration_error", f.calibration_error);
    json_put_key(out, "classes");
    text_puts(out, "[");
    for (int i = 0; i < m->classes; i++) {
        text_puts(out, i ? "," : "");
        put_class(out, m, e, &f, i);
    }
    text_puts(out, "]");
    put_confusion(out, m, &x);
    text_puts(out, "}");
    matrix_release(&x);
    figures_release(&f);
}

/* Summary */

/* A list is ok where all its answers are. */
static const char *state_of(const struct list_end *end)
{
    const struct list *l = end->list;
    if (*end->code)
        return "error";
    return l->check || l->unknown || l->errors ? "check" : "ok";
}

static void put_counts(struct text *out, const struct list *l)
{
    json_put_key(out, "list");
    text_puts(out, "{");
    number_member(out, "lines", (double)l->lines);
    number_member(out, "pictures", (double)l->pictures);
    number_member(out, "ok", (double)l->ok);
    number_member(out, "check", (double)l->check);
    number_member(out, "unknown", (double)l->unknown);
    number_member(out, "error", (double)l->errors);
    number_member(out, "labelled", (double)l->labelled);
    text_puts(out, "}");
}

static void put_file(struct text *out, const struct answering *a,
                     const struct object *o, const struct list *l)
{
    int64_t size = spool_size(a->primo, o->id, o->number);
    json_put_key(out, "files");
    text_puts(out, "[{");
    json_put_member(out, "original_file_name", o->name);
    json_put_member(out, "content_type", "text/plain");
    number_member(out, "content_length", size > 0 ? (double)size : 0);
    json_put_member(out, "sha256", l->sha256);
    text_puts(out, "}]");
}

static void put_times(struct text *out, const struct request *r,
                      const struct list *l)
{
    double began = l->began > r->completed ? l->began : r->completed;
    json_put_key(out, "milliseconds");
    text_puts(out, "{");
    number_member(out, "queue", round((began - r->completed) * 1e3));
    number_member(out, "list", round((r->ended - began) * 1e3));
    text_puts(out, "}");
}

static void put_summary(struct text *out, const struct answering *a,
                        const struct object *o, const struct request *r,
                        const struct list_end *end)
{
    const struct answer_model *m = a->model;
    text_puts(out, "{");
    json_put_member(out, "file", o->name);
    number_member(out, "revision", (double)r->revision);
    json_put_time(out, "created_at", r->completed);
    json_put_time(out, "expires_at", r->expires);
    json_put_key(out, "result_is_ready");
    text_puts(out, "true");
    json_put_member(out, "service", a->serving->service);
    json_put_member(out, "model", m ? m->called : "");
    json_put_member(out, "model_type", m ? m->type : "");
    json_put_member(out, "state", state_of(end));
    json_put_key(out, "items");
    text_puts(out, "[]");
    put_counts(out, end->list);
    json_put_key(out, "evaluation");
    if (m && end->evaluation)
        put_figures(out, m, end->evaluation);
    else
        text_puts(out, "null");
    number_member(out, "threshold_ok_min",
                  settings_number(a->service, KEY_SERVICE_OK));
    number_member(out, "threshold_warn_min",
                  settings_number(a->service, KEY_SERVICE_CHECK));
    json_put_key(out, "pages");
    text_puts(out, "[]");
    put_file(out, a, o, end->list);
    put_times(out, r, end->list);
    json_put_member(out, "error", end->error);
    json_put_member(out, "code", end->code);
    text_puts(out, "}\n");
}

/* time,file,revision,page,class,confidence,state,model,milliseconds,error */
static void put_row(struct text *out, const struct answering *a,
                    const struct object *o, const struct request *r,
                    const struct list_end *end)
{
    text_put_time(out, r->ended);
    text_puts(out, ",");
    csv_text(out, o->name, ',');
    csv_count(out, (long long)r->revision, ',');
    text_printf(out, ",,,%s,", state_of(end));
    csv_text(out, a->model ? a->model->called : "", ',');
    csv_number(out, round((r->ended - r->completed) * 1e3), ',');
    csv_text(out, end->error, '\n');
}

int list_answer(struct answering *a, struct object *o, struct request *r,
                const struct list_end *end, struct reason *why)
{
    struct text json = TEXT_INIT, row = TEXT_INIT;
    int err = request_wait_end(a->txn, o, r->revision, why);
    answer_end(a->service, r);
    put_summary(&json, a, o, r, end);
    put_row(&row, a, o, r, end);
    if (err == 0)
        err = answer_store(a, o, r, &json, &row, why);
    request_encode(r, o);
    if (err == 0)
        err = object_put(a->txn, o, why);
    text_release(&json);
    text_release(&row);
    return err;
}
