#include "show.h"

#include "chart.h"
#include "model.h"
#include "param.h"
#include "tree.h"

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

/* The final word; nothing while there is none (reading blocks then). */
int show_wait(struct show_request *r, struct text *out, struct reason *why)
{
    if (!status_is_live(r->process->status))
        return show_status(r, out, why);
    r->mtime = ns(r->process->status_changed);
    return 0;
}

/* An action file reads as empty and is as old as the epoch, so that no tool
 * that copies time stamps ever sets one that is now. */
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
    if (p->status == STATUS_SUCCEEDED)
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

static void put_figure(struct text *out, const char *label, double v,
                       int digits)
{
    if (isnan(v))
        return;
    text_puts(out, label);
    text_put_double(out, v, digits);
}

static void put_left(struct text *out, const struct process *p)
{
    if (status_is_live(p->status) && !isnan(p->progress.eta)) {
        text_puts(out, ", ");
        text_put_duration(out, p->progress.eta);
        text_puts(out, " left");
    }
}

int show_progress(struct show_request *r, struct text *out, struct reason *why)
{
    const struct process *p = r->process;
    const struct progress *g = &p->progress;
    (void)why;
    r->mtime = ns(p->changed);
    put_bar(out, part_done(p));
    text_printf(out, " %s", status_name(p->status));
    if (status_is_live(p->status) && *p->stage)
        text_printf(out, " (%s)", p->stage);
    if (g->epochs)
        text_printf(out, ", epoch %" PRIu64 "/%" PRIu64, g->epoch, g->epochs);
    put_figure(out, ", loss ", g->train_loss, 4);
    put_figure(out, ", AP ", g->average_precision, 4);
    put_figure(out, ", best ", g->best_average_precision, 4);
    if (g->images_per_second > 0)
        put_figure(out, ", images/s ", round(g->images_per_second), 6);
    put_left(out, p);
    if (p->status == STATUS_FAILED)
        text_printf(out, ": %s", p->reason);
    text_puts(out, "\n");
    return 0;
}

int show_eta(struct show_request *r, struct text *out, struct reason *why)
{
    const struct process *p = r->process;
    (void)why;
    r->mtime = ns(p->changed);
    if (p->status == STATUS_SUCCEEDED)
        text_puts(out, "00:00:00");
    else if (!status_is_live(p->status) || isnan(p->progress.eta))
        text_puts(out, "--:--:--");
    else
        text_put_duration(out, p->progress.eta);
    text_puts(out, "\n");
    return 0;
}

/* info */

static void info_text(struct text *out, const char *key, const char *value)
{
    text_printf(out, "%s:%s%s\n", key, *value ? " " : "", value);
}

static void info_number(struct text *out, const char *key, double v)
{
    text_printf(out, "%s:", key);
    if (!isnan(v)) {
        text_puts(out, " ");
        text_put_double(out, v, 6);
    }
    text_puts(out, "\n");
}

static void info_time(struct text *out, const char *key, double t)
{
    text_printf(out, "%s:", key);
    if (t > 0) {
        text_puts(out, " ");
        text_put_time(out, t);
    }
    text_puts(out, "\n");
}

/* The facts in a fixed order, also those that are not known yet, then the
 * others as they came. */
static void info_facts(struct text *out, const struct process *p)
{
    static const char *const known[] = {
        "dataset",    "classes",   "images",  "test_images",
        "image_size", "precision", "threads", "base"};
    enum { KNOWN = sizeof known / sizeof *known };
    for (int i = 0; i < KNOWN; i++) {
        size_t n = strlen(known[i]);
        const char *line = text_string(&p->facts);
        while (*line && (strncmp(line, known[i], n) || line[n] != ':'))
            line += strcspn(line, "\n") + 1;
        if (*line)
            text_add(out, line, strcspn(line, "\n") + 1);
        else
            text_printf(out, "%s:\n", known[i]);
    }
    for (const char *line = text_string(&p->facts); *line;) {
        size_t n = strcspn(line, "\n") + 1;
        bool listed = false;
        for (int i = 0; i < KNOWN; i++)
            listed |= !strncmp(line, known[i], strlen(known[i])) &&
                      line[strlen(known[i])] == ':';
        if (!listed)
            text_add(out, line, n);
        line += n;
    }
}

static void info_progress(struct text *out, const struct process *p)
{
    const struct progress *g = &p->progress;
    text_printf(out, "epoch: %" PRIu64 "\n", g->epoch);
    text_printf(out, "epochs: %" PRIu64 "\n", g->epochs);
    text_printf(out, "iteration: %" PRIu64 "\n", g->iteration);
    text_printf(out, "iterations: %" PRIu64 "\n", g->iterations);
    info_number(out, "train_loss", g->train_loss);
    info_number(out, "learning_rate", g->learning_rate);
    info_number(out, "average_precision", g->average_precision);
    info_number(out, "accuracy", g->accuracy);
    info_number(out, "best_average_precision", g->best_average_precision);
    info_number(out, "best_accuracy", g->best_accuracy);
    text_printf(out, "best_epoch: %" PRIu64 "\n", g->best_epoch);
    info_number(out, "images_per_second", g->images_per_second);
}

/* "models/TEMPLATE/N"; nothing where there is none (any more). The name is
 * that of the template at the start, not of the one that is set now. */
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

int show_info(struct show_request *r, struct text *out, struct reason *why)
{
    const struct process *p = r->process;
    struct text word = TEXT_INIT;
    r->mtime = ns(p->changed);
    info_text(out, "template", process_template(p));
    info_text(out, "machine", p->machine);
    user_name(&word, (uid_t)p->author);
    info_text(out, "author", text_string(&word));
    info_text(out, "status", status_name(p->status));
    info_text(out, "stage", status_is_live(p->status) ? p->stage : "");
    info_time(out, "created", p->created);
    info_time(out, "started", p->started);
    info_time(out, "finished", p->finished);
    info_facts(out, p);
    info_progress(out, p);
    text_clear(&word);
    int err = show_eta(r, &word, why);
    text_resize(&word, word.size - 1);
    info_text(out, "eta", text_string(&word));
    text_clear(&word);
    put_model(r, &word);
    info_text(out, "model", text_string(&word));
    info_text(out, "reason", p->reason);
    text_release(&word);
    return err;
}

/* Growing texts, whole */

int show_metrics(struct show_request *r, struct text *out, struct reason *why)
{
    r->mtime = ns(r->process->row_time > 0 ? r->process->row_time
                                           : r->process->created);
    int err =
        stream_read(r->txn, process_metrics(r->process), 0, SIZE_MAX, out);
    return err ? refuse(why, -err, "the metrics cannot be read") : 0;
}

int show_log(struct show_request *r, struct text *out, struct reason *why)
{
    r->mtime = ns(r->process->log_time > 0 ? r->process->log_time
                                           : r->process->created);
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
        if (*count == room) {
            room = room ? room * 2 : 64;
            rows = realloc(rows, room * sizeof *rows);
            if (!rows)
                abort();
        }
        *count += metrics_row_parse(line, &rows[*count]);
    }
    return rows;
}

static int show_chart(struct show_request *r, struct text *out,
                      void (*print)(struct text *, const struct chart *),
                      struct reason *why)
{
    struct text csv = TEXT_INIT, title = TEXT_INIT;
    const struct process *p = r->process;
    int err = show_metrics(r, &csv, why);
    const char *template = process_template(p);
    text_printf(&title, "%s on %s", *template ? template : "no template",
                p->machine);
    struct chart c = {.title = title.data,
                      .status = status_name(p->status),
                      .now = p->progress,
                      .live = status_is_live(p->status)};
    struct metrics_row *rows = rows_parse(&csv, &c.count);
    c.rows = rows;
    if (err == 0)
        print(out, &c);
    r->mtime = ns(p->changed);
    free(rows);
    text_release(&csv);
    text_release(&title);
    return err;
}

int show_monitor_svg(struct show_request *r, struct text *out,
                     struct reason *why)
{
    return show_chart(r, out, chart_svg, why);
}

int show_monitor_html(struct show_request *r, struct text *out,
                      struct reason *why)
{
    return show_chart(r, out, chart_html, why);
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
    return show_blob(r, RUN_CONFIG, "# not known before the training starts\n",
                     out, why);
}

int show_dataset(struct show_request *r, struct text *out, struct reason *why)
{
    return show_blob(r, RUN_DATASET, "# not known before the training starts\n",
                     out, why);
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
    if (model_latest(r->txn, r->object, &number))
        return refuse(why, ENOENT, "there is no version yet");
    if (object_get(r->txn, r->object, &family) == 0)
        r->mtime = family.mtime;
    object_release(&family);
    text_printf(out, "%" PRIu64, number);
    return 0;
}

/* The mount's own */

int show_template_example(struct show_request *r, struct text *out,
                          struct reason *why)
{
    (void)r;
    (void)why;
    param_example(out, SCOPE_TEMPLATE);
    return 0;
}
