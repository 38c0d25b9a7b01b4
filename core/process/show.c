#include "core/process/show.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/process/reach.h"
#include "core/process/run_reports.h"
#include "core/report/chart.h"
#include "core/report/journal.h"
#include "core/settings/param.h"
#include "core/state/events.h"
#include "core/store/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t ns(double seconds)
{
    return (int64_t)(seconds * 1e9);
}

/* Words */

int show_template(struct show_request *r, struct text *out, struct reason *why)
{
    (void)why;
    r->mtime = ns(r->process->template_changed);
    if (*r->process->template)
        text_printf(out, "%s\n", r->process->template);
    return 0;
}

int show_enabled(struct show_request *r, struct text *out, struct reason *why)
{
    (void)why;
    r->mtime = ns(r->process->enabled_changed);
    text_puts(out, r->process->enabled ? "yes\n" : "no\n");
    return 0;
}

int show_status(struct show_request *r, struct text *out, struct reason *why)
{
    (void)why;
    r->mtime = ns(r->process->status_changed);
    text_printf(out, "%s\n", status_name(r->process->status));
    return 0;
}

/* The final status; nothing while the process is live, because then reading
 * blocks. */
int show_wait(struct show_request *r, struct text *out, struct reason *why)
{
    if (!status_is_live(r->process->status))
        return show_status(r, out, why);
    r->mtime = ns(r->process->status_changed);
    return 0;
}

/* An action file reads as empty and is as old as the Unix epoch: a tool that
 * copies time stamps from it can never set the present time, which would be a
 * touch, and start a training. */
int show_nothing(struct show_request *r, struct text *out, struct reason *why)
{
    (void)out;
    (void)why;
    r->mtime = 1;
    return 0;
}

/* Progress */

static double part_done(const struct process *p)
{
    if (status_is_complete(p->status))
        return 1;
    const struct progress *g = &p->progress;
    double done =
        g->iterations ? (double)g->iteration / (double)g->iterations : 0;
    return done > 1 ? 1 : done;
}

static void put_bar(struct text *out, double part)
{
    enum { WIDTH = 20 };
    int full = (int)(part * WIDTH);
    text_puts(out, "[");
    for (int i = 0; i < WIDTH; i++)
        text_puts(out, i < full ? "#" : ".");
    text_printf(out, "] %3d%%", (int)(part * 100));
}

/* Prints a figure through `format`, which has one %s; nothing if it is unknown.
 */
static void put_figure(struct text *out, const char *format, double v,
                       int digits)
{
    struct text figure = TEXT_INIT;
    if (isnan(v))
        return;
    text_put_double(&figure, v, digits);
    text_printf(out, format, text_string(&figure));
    text_release(&figure);
}

static void put_left(struct text *out, const struct process *p)
{
    struct text left = TEXT_INIT;
    if (!status_is_live(p->status) || isnan(p->progress.eta))
        return;
    text_put_duration(&left, p->progress.eta);
    text_printf(out, _(", %s left"), text_string(&left));
    text_release(&left);
}

int show_progress(struct show_request *r, struct text *out, struct reason *why)
{
    const struct process *p = r->process;
    const struct progress *g = &p->progress;
    (void)why;
    r->mtime = ns(p->changed);
    put_bar(out, part_done(p));
    text_printf(out, " %s", status_label(p->status));
    if (status_is_live(p->status) && *p->stage)
        text_printf(out, " (%s)", translate_in("stage", p->stage));
    if (g->epochs)
        text_printf(out, _(", epoch %llu/%llu"), (unsigned long long)g->epoch,
                    (unsigned long long)g->epochs);
    put_figure(out, _(", loss %s"), g->train_loss, 4);
    put_figure(out, _(", AP %s"), g->average_precision, 4);
    put_figure(out, _(", best %s"), g->best_average_precision, 4);
    if (g->images_per_second > 0)
        put_figure(out, _(", images/s %s"), round(g->images_per_second), 6);
    put_left(out, p);
    if (*p->reason)
        text_printf(out, ": %s", p->reason);
    text_puts(out, "\n");
    return 0;
}

int show_eta(struct show_request *r, struct text *out, struct reason *why)
{
    const struct process *p = r->process;
    (void)why;
    r->mtime = ns(p->changed);
    if (status_is_complete(p->status))
        text_puts(out, "00:00:00");
    else if (!status_is_live(p->status) || isnan(p->progress.eta))
        text_puts(out, "--:--:--");
    else
        text_put_duration(out, p->progress.eta);
    text_puts(out, "\n");
    return 0;
}

/* The file `info`. Its keys and words are the same in every language, as
 * scripts read them; in a language other than English, a comment above each
 * line explains it. */

static void info_label(struct text *out, const char *key)
{
    const char *label = translate_in("info", key);
    if (label != key)
        text_printf(out, "# %s\n", label);
}

static void info_text(struct text *out, const char *key, const char *value)
{
    info_label(out, key);
    text_printf(out, "%s:%s%s\n", key, *value ? " " : "", value);
}

static void info_number(struct text *out, const char *key, double v)
{
    struct text value = TEXT_INIT;
    if (!isnan(v))
        text_put_double(&value, v, 6);
    info_text(out, key, text_string(&value));
    text_release(&value);
}

static void info_count(struct text *out, const char *key, uint64_t n)
{
    struct text value = TEXT_INIT;
    text_printf(&value, "%" PRIu64, n);
    info_text(out, key, text_string(&value));
    text_release(&value);
}

static void info_time(struct text *out, const char *key, double t)
{
    struct text value = TEXT_INIT;
    if (t > 0)
        text_put_time(&value, t);
    info_text(out, key, text_string(&value));
    text_release(&value);
}

/* Prints one "key: value" line of the facts. */
static void info_fact(struct text *out, const char *line)
{
    struct text key = TEXT_INIT;
    text_add(&key, line, strcspn(line, ":\n"));
    info_label(out, text_string(&key));
    text_add(out, line, strcspn(line, "\n") + 1);
    text_release(&key);
}

/* Finds the line of a key among the facts; NULL = it is not known. */
static const char *fact_find(const struct process *p, const char *key)
{
    size_t n = strlen(key);
    const char *line = text_string(&p->facts);
    while (*line && (strncmp(line, key, n) || line[n] != ':'))
        line += strcspn(line, "\n") + 1;
    return *line ? line : NULL;
}

static void info_facts(struct text *out, const struct process *p)
{
    for (int i = 0; i < JOURNAL_FACTS; i++) {
        const struct journal_fact *f = &journal_facts[i];
        const char *line = fact_find(p, f->key);
        if (line)
            info_fact(out, line);
        else if (f->expected)
            info_text(out, f->key, "");
    }
}

static void info_evaluation(struct text *out, const struct process *p)
{
    for (int i = 0; i < RUN_REPORT_FACTS; i++) {
        const char *line = fact_find(p, run_report_facts[i]);
        if (line)
            info_fact(out, line);
        else
            info_text(out, run_report_facts[i], "");
    }
}

static void info_progress(struct text *out, const struct process *p)
{
    const struct progress *g = &p->progress;
    info_count(out, NC_("info", "epoch"), g->epoch);
    info_count(out, NC_("info", "epochs"), g->epochs);
    info_count(out, NC_("info", "iteration"), g->iteration);
    info_count(out, NC_("info", "iterations"), g->iterations);
    info_number(out, NC_("info", "train_loss"), g->train_loss);
    info_number(out, NC_("info", "learning_rate"), g->learning_rate);
    info_number(out, NC_("info", "average_precision"), g->average_precision);
    info_number(out, NC_("info", "accuracy"), g->accuracy);
    info_number(out, NC_("info", "best_average_precision"),
                g->best_average_precision);
    info_number(out, NC_("info", "best_accuracy"), g->best_accuracy);
    info_count(out, NC_("info", "best_epoch"), g->best_epoch);
    info_number(out, NC_("info", "images_per_second"), g->images_per_second);
}

/* Prints "models/TEMPLATE/N", or nothing where there is no model (any more).
 * TEMPLATE is the template at the start, not the one that is set now. */
static void put_model(struct show_request *r, struct text *out)
{
    struct object version = OBJECT_INIT, family = OBJECT_INIT;
    const struct process *p = r->process;
    if (r->model)
        text_puts(out, r->model);
    else if (p->model && object_get(r->txn, p->model, &version) == 0 &&
             object_get(r->txn, version.parent, &family) == 0) {
        text_printf(out, "models/%s/%s", family.name, version.name);
        r->mtime = version.mtime > r->mtime ? version.mtime : r->mtime;
    }
    object_release(&version);
    object_release(&family);
}

/* Prints the words of the status and of the stage, each below a comment with
 * the word of the reader's language if that is another one. */
static void info_status(struct text *out, const struct process *p)
{
    const char *word = status_name(p->status), *label = status_label(p->status);
    const char *stage = status_is_live(p->status) ? p->stage : "";
    if (label != word)
        text_printf(out, _("# Status: %s\n"), label);
    text_printf(out, "status: %s\n", word);
    label = translate_in("stage", stage);
    if (label != stage)
        text_printf(out, _("# Stage: %s\n"), label);
    else
        info_label(out, NC_("info", "stage"));
    text_printf(out, "stage:%s%s\n", *stage ? " " : "", stage);
}

/* A live process on a machine elsewhere: if that is out of reach, since when,
 * and why, and what else is shown is as it was then; and what is known of a
 * queue in which the run is. */
static void info_elsewhere(struct text *out, struct show_request *r)
{
    struct machine_facts f;
    struct text words = TEXT_INIT;
    if (!process_reach(r, &f))
        return;
    r->mtime = ns(f.since) > r->mtime ? ns(f.since) : r->mtime;
    if (reach_put(&f, &words))
        info_text(out, NC_("info", "unreached"), text_string(&words));
    text_clear(&words);
    process_waits(r, &words);
    r->mtime = f.changed > r->mtime ? f.changed : r->mtime;
    if (words.size)
        info_text(out, NC_("info", "queue"), text_string(&words));
    text_release(&words);
}

int show_info(struct show_request *r, struct text *out, struct reason *why)
{
    const struct process *p = r->process;
    struct text word = TEXT_INIT;
    r->mtime = ns(p->changed);
    info_text(out, NC_("info", "template"), process_template(p));
    info_text(out, NC_("info", "machine"), p->machine);
    user_name(&word, (uid_t)p->author);
    info_text(out, NC_("info", "author"), text_string(&word));
    info_status(out, p);
    info_time(out, NC_("info", "created"), p->created);
    info_time(out, NC_("info", "started"), p->started);
    info_time(out, NC_("info", "finished"), p->finished);
    info_facts(out, p);
    info_progress(out, p);
    info_evaluation(out, p);
    text_clear(&word);
    int err = show_eta(r, &word, why);
    text_resize(&word, word.size - 1);
    info_text(out, NC_("info", "eta"), text_string(&word));
    text_clear(&word);
    put_model(r, &word);
    info_text(out, NC_("info", "model"), text_string(&word));
    info_text(out, NC_("info", "reason"), p->reason);
    info_elsewhere(out, r);
    text_release(&word);
    return err;
}

/* Growing texts, as a finished model keeps them */

int64_t mtime_metrics(const struct show_request *r)
{
    const struct process *p = r->process;
    return ns(p->row_time > 0 ? p->row_time : p->created);
}

int64_t mtime_log(const struct show_request *r)
{
    const struct process *p = r->process;
    return ns(p->log_time > 0 ? p->log_time : p->created);
}

int64_t mtime_events(const struct show_request *r)
{
    return events_time(r->txn);
}

int show_metrics(struct show_request *r, struct text *out, struct reason *why)
{
    r->mtime = mtime_metrics(r);
    int err =
        stream_read(r->txn, process_metrics(r->process), 0, SIZE_MAX, out);
    return err ? refuse(why, -err, "the metrics cannot be read") : 0;
}

int show_log(struct show_request *r, struct text *out, struct reason *why)
{
    r->mtime = mtime_log(r);
    int err = stream_read(r->txn, process_log(r->process), 0, SIZE_MAX, out);
    return err ? refuse(why, -err, "the log cannot be read") : 0;
}

/* The chart */

static struct metrics_row *rows_parse(struct text *csv, size_t *count)
{
    struct metrics_row *rows = NULL;
    size_t room = 0;
    char *rest = csv->data, *line;
    *count = 0;
    while (rest && (line = strsep(&rest, "\n"))) {
        ALLOC_GROW(rows, *count + 1, room);
        *count += metrics_row_parse(line, &rows[*count]);
    }
    return rows;
}

/* What it takes to draw one. */
struct drawing {
    struct show_request *request;
    void (*print)(struct text *, const struct chart *);
    const char *title;
    struct reason *why;
};

static int chart_draw(void *context, struct text *out)
{
    struct drawing *d = context;
    const struct process *p = d->request->process;
    struct text csv = TEXT_INIT;
    int err = show_metrics(d->request, &csv, d->why);
    struct chart c = {.title = d->title,
                      .status = status_label(p->status),
                      .status_color = status_color(p->status),
                      .note = *p->reason ? p->reason
                              : status_is_live(p->status)
                                  ? translate_in("stage", p->stage)
                                  : "",
                      .now = p->progress,
                      .live = status_is_live(p->status)};
    struct metrics_row *rows = rows_parse(&csv, &c.count);
    c.rows = rows;
    if (err == 0)
        d->print(out, &c);
    free(rows);
    text_release(&csv);
    return err;
}

/* All that a drawing depends on. Rows are only ever added to a run's. */
static void chart_key(const struct show_request *r, const char *kind,
                      const char *title, struct text *out)
{
    const struct stream rows = process_metrics(r->process);
    text_printf(out, "%s %" PRIu64 " %" PRIu64 " %s ", kind, rows.id,
                stream_size(r->txn, rows), status_name(r->process->status));
    progress_print(out, &r->process->progress);
    text_printf(out, "%s %s %s", title, r->process->stage, r->process->reason);
}

static int show_chart(struct show_request *r, struct text *out,
                      void (*print)(struct text *, const struct chart *),
                      const char *kind, struct reason *why)
{
    struct text title = TEXT_INIT, key = TEXT_INIT;
    const struct process *p = r->process;
    const char *template = process_template(p);
    text_printf(&title, _("%s on %s"), *template ? template : _("no template"),
                p->machine);
    chart_key(r, kind, text_string(&title), &key);
    struct drawing d = {r, print, text_string(&title), why};
    int err =
        charts_draw(&r->primo->charts, text_string(&key), chart_draw, &d, out);
    r->mtime = ns(p->changed);
    text_release(&key);
    text_release(&title);
    return err;
}

int show_monitor_svg(struct show_request *r, struct text *out,
                     struct reason *why)
{
    return show_chart(r, out, chart_svg, "svg", why);
}

int show_monitor_html(struct show_request *r, struct text *out,
                      struct reason *why)
{
    return show_chart(r, out, chart_html, "html", why);
}

/* Texts of the run */

static int show_blob(struct show_request *r, enum run_text part,
                     const char *absent, struct text *out, struct reason *why)
{
    const struct process *p = r->process;
    r->mtime = ns(p->started > 0 ? p->started : p->created);
    int err = p->run ? blob_get(r->txn, p->run, (char)part, out) : -ENOENT;
    if (err == -ENOENT) {
        text_puts(out, absent);
        return 0;
    }
    return err ? refuse(why, -err, "the text cannot be read") : 0;
}

int show_config(struct show_request *r, struct text *out, struct reason *why)
{
    return show_blob(r, RUN_CONFIG,
                     _("# not known before the training starts\n"), out, why);
}

int show_dataset(struct show_request *r, struct text *out, struct reason *why)
{
    return show_blob(r, RUN_DATASET,
                     _("# not known before the training starts\n"), out, why);
}

int show_script(struct show_request *r, struct text *out, struct reason *why)
{
    return show_blob(r, RUN_SCRIPT, _("# no job of Slurm's\n"), out, why);
}

int show_run_template(struct show_request *r, struct text *out,
                      struct reason *why)
{
    return show_blob(r, RUN_TEMPLATE, "", out, why);
}

/* Links */

int show_model_link(struct show_request *r, struct text *out,
                    struct reason *why)
{
    text_puts(out, "../../");
    size_t before = out->size;
    put_model(r, out);
    return out->size > before ? 0 : refuse(why, ENOENT, "there is no model");
}

int show_latest_link(struct show_request *r, struct text *out,
                     struct reason *why)
{
    uint64_t number;
    struct object family = OBJECT_INIT;
    if (object_latest(r->txn, r->object, &number))
        return refuse(why, ENOENT, "there is no version yet");
    if (object_get(r->txn, r->object, &family) == 0)
        r->mtime = family.mtime;
    object_release(&family);
    text_printf(out, "%" PRIu64, number);
    return 0;
}

/* Files of the mount itself */

int show_template_example(struct show_request *r, struct text *out,
                          struct reason *why)
{
    (void)r;
    (void)why;
    param_example(out, SCOPE_TEMPLATE, param_template_head);
    return 0;
}

int show_service_example(struct show_request *r, struct text *out,
                         struct reason *why)
{
    (void)r;
    (void)why;
    param_example(out, SCOPE_SERVICE, param_service_head);
    return 0;
}
