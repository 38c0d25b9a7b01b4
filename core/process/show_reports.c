/* The reports on the last evaluation, as files of a process and of a model. */
#include "core/process/run_reports.h"
#include "core/process/show.h"

#include "core/basic/language.h"
#include "core/evaluation/card.h"
#include "core/settings/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A process has tables without rows before the first evaluation. A model has
 * reports only where they are of the model itself. */
static int show_report(struct show_request *r, enum report_no no,
                       struct text *out, struct reason *why)
{
    const struct process *p = r->process;
    const double since = p->evaluated > 0 ? p->evaluated : p->started;
    r->mtime = (int64_t)((since > 0 ? since : p->created) * 1e9);
    if (r->model && !p->evaluation_complete)
        return -ENOENT;
    int err = run_report_get(r->txn, p, no, out);
    if (err == -ENOENT && !r->model && reports[no].header) {
        text_puts(out, reports[no].header);
        return 0;
    }
    return err == 0 || err == -ENOENT
               ? err
               : refuse(why, -err, "the report cannot be read");
}

#define SHOW(name, no)                                                         \
    int show_##name(struct show_request *r, struct text *out,                  \
                    struct reason *why)                                        \
    {                                                                          \
        return show_report(r, no, out, why);                                   \
    }
show_fn show_predictions, show_classes, show_confusion, show_confusion_svg,
    show_mistakes, show_mistakes_html, show_thresholds, show_card;
SHOW(predictions, REPORT_PREDICTIONS)
SHOW(classes, REPORT_CLASSES)
SHOW(confusion, REPORT_CONFUSION)
SHOW(confusion_svg, REPORT_CONFUSION_SVG)
SHOW(mistakes, REPORT_MISTAKES)
SHOW(mistakes_html, REPORT_MISTAKES_HTML)
SHOW(thresholds, REPORT_THRESHOLDS)

/* The card says besides what the record knows. */

struct card_facts {
    struct text dataset, base, precision, description;
};

static void fact_take(const struct process *p, const char *key,
                      struct text *out)
{
    size_t n = strlen(key);
    const char *line = text_string(&p->facts);
    while (*line && (strncmp(line, key, n) || line[n] != ':'))
        line += strcspn(line, "\n") + 1;
    line += *line ? n + 1 : 0;
    line += *line == ' ';
    text_add(out, line, strcspn(line, "\n"));
}

static long long fact_count(const struct process *p, const char *key)
{
    struct text value = TEXT_INIT;
    long long n = 0;
    fact_take(p, key, &value);
    if (!parse_int(text_string(&value), &n))
        n = 0;
    text_release(&value);
    return n;
}

static void card_fill(struct card *card, struct card_facts *facts,
                      const struct process *p)
{
    struct text temperature = TEXT_INIT;
    fact_take(p, "dataset", &facts->dataset);
    fact_take(p, "base", &facts->base);
    fact_take(p, "precision", &facts->precision);
    fact_take(p, "temperature", &temperature);
    card->dataset = text_string(&facts->dataset);
    card->base = text_string(&facts->base);
    card->precision = text_string(&facts->precision);
    card->images = fact_count(p, "images");
    card->image_size = fact_count(p, "image_size");
    card->epochs = (long long)p->progress.best_epoch;
    card->finished = p->finished;
    if (!parse_double(text_string(&temperature), &card->temperature))
        card->temperature = 0;
    text_release(&temperature);
}

/* The template at the start says what the training is for. */
static void description_take(struct show_request *r, struct text *out)
{
    struct text template = TEXT_INIT;
    struct settings s;
    settings_init(&s);
    if (blob_get(r->txn, r->process->run, RUN_TEMPLATE, &template) == 0 &&
        settings_parse(&s, text_string(&template), template.size,
                       SCOPE_TEMPLATE, "", NULL) == 0)
        text_puts(out, settings_get(&s, KEY_DESCRIPTION));
    settings_release(&s);
    text_release(&template);
}

static void card_facts_release(struct card_facts *facts)
{
    text_release(&facts->dataset);
    text_release(&facts->base);
    text_release(&facts->precision);
    text_release(&facts->description);
}

int show_card(struct show_request *r, struct text *out, struct reason *why)
{
    struct text part = TEXT_INIT;
    struct card_facts facts = {.dataset = TEXT_INIT};
    int err = show_report(r, REPORT_CARD, &part, why);
    struct card card = {.title = r->model ? r->model : "",
                        .evaluation = text_string(&part)};
    card_fill(&card, &facts, r->process);
    description_take(r, &facts.description);
    card.description = text_string(&facts.description);
    if (err == 0)
        card_put(out, &card);
    card_facts_release(&facts);
    text_release(&part);
    return err;
}
