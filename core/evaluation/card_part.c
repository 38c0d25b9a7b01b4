/* The part of README.md that is about the evaluation. */
#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/evaluation/card.h"
#include "core/evaluation/markup.h"
#include "core/evaluation/reports_inside.h"

#include <math.h>
#include <stdlib.h>

enum {
    NAMES_MOST = 40, /* classes that are named */
    WORST_MOST = 5,  /* rows of the table of the weakest classes */
    MIXED_MOST = 5,
};

static void put_name(struct text *out, const struct evaluation *e, int class)
{
    markdown_text(out, e->classes[class].name);
}

static void put_classes_told(struct text *out, const struct evaluation *e)
{
    int n = e->class_count, named = n <= NAMES_MOST ? n : NAMES_MOST;
    text_printf(out,
                P_("It tells %d class of pictures apart: ",
                   "It tells %d classes of pictures apart: ", (unsigned long)n),
                n);
    for (int i = 0; i < named; i++) {
        text_puts(out, i ? ", **" : "**");
        put_name(out, e, i);
        text_puts(out, "**");
    }
    if (named < n)
        text_printf(out, _(" and %d more; `labels.txt` has them all"),
                    n - named);
    text_puts(out, ".\n");
}

static void put_share(struct text *out, double share)
{
    if (isnan(share))
        text_puts(out, "\u2013");
    else
        text_put_double(out, round(share * 1e4) / 1e4, 4);
}

static void put_figure(struct text *out, const char *label, double share,
                       int pictures)
{
    struct interval i = interval_of(share, pictures);
    text_printf(out, "| %s | ", label);
    put_share(out, share);
    text_puts(out, " | ");
    if (pictures) {
        put_share(out, i.low);
        text_puts(out, " \u2013 ");
        put_share(out, i.high);
    }
    text_puts(out, " |\n");
}

static void put_figures(struct text *out, const struct figures *f)
{
    text_printf(out, "\n## %s\n\n", _("How good it is"));
    text_printf(out,
                P_("On %d test picture, from which it has not learnt:\n\n",
                   "On %d test pictures, from which it has not learnt:\n\n",
                   (unsigned long)f->pictures),
                f->pictures);
    /* xgettext:no-c-format */
    const char *interval = _("95 % interval");
    text_printf(out, "| | | %s |\n|---|---|---|\n", interval);
    put_figure(out, _("accuracy: the share of right answers"), f->accuracy,
               f->pictures);
    put_figure(out, _("average precision, mean of the classes"),
               f->average_precision, f->pictures);
    put_figure(out, _("F1, mean of the classes"), f->macro_f1, 0);
    put_figure(out, _("calibration error of the confidence"),
               f->calibration_error, 0);
}

static void put_sure(struct text *out, const struct evaluation *e)
{
    static const double shown[] = {0.5, 0.8, 0.9, 0.95, 0.99};
    struct threshold list[THRESHOLDS];
    thresholds_make(list, e);
    text_printf(out, "\n| %s | %s | %s |\n|---|---|---|\n",
                _("if it must be so sure"), _("it answers"),
                _("and is right in"));
    for (int i = 0; i < THRESHOLDS; i++)
        for (size_t k = 0; k < sizeof shown / sizeof *shown; k++) {
            if (fabs(list[i].threshold - shown[k]) > 1e-9)
                continue;
            text_puts(out, "| ");
            text_put_double(out, shown[k], 3);
            text_puts(out, " | ");
            put_percent(out, list[i].answered);
            text_puts(out, " | ");
            put_percent(out, list[i].right);
            text_puts(out, " |\n");
        }
}

static int by_f1(const void *a, const void *b, void *figures)
{
    const struct class_figures *classes = ((struct figures *)figures)->classes;
    int i = *(const int *)a, k = *(const int *)b;
    double x = classes[i].f1, y = classes[k].f1;
    return x != y ? (x < y ? -1 : 1) : (i > k) - (i < k);
}

/* The classes with test pictures that are found worst, worst first. Those that
 * are found without a fault are not weak. */
static int weakest_find(const struct evaluation *e, const struct figures *f,
                        int *list)
{
    int n = 0, *all = xcalloc((size_t)e->class_count, sizeof *all);
    for (int i = 0; i < e->class_count; i++)
        if (f->classes[i].pictures && f->classes[i].f1 < 1)
            all[n++] = i;
    qsort_r(all, (size_t)n, sizeof *all, by_f1, (void *)f);
    n = n < WORST_MOST ? n : WORST_MOST;
    for (int i = 0; i < n; i++)
        list[i] = all[i];
    free(all);
    return n;
}

static void put_weakest(struct text *out, const struct evaluation *e,
                        const struct figures *f)
{
    int list[WORST_MOST], n = weakest_find(e, f, list);
    if (!n)
        return;
    text_printf(out,
                "\n%s\n\n| %s | %s | %s | F1 | %s |\n|---|---|---|---|---|\n",
                _("The classes that it finds worst:"), _("class"),
                _("precision of the answers"), _("recall"), _("test pictures"));
    for (int i = 0; i < n; i++) {
        const struct class_figures *c = &f->classes[list[i]];
        text_puts(out, "| ");
        put_name(out, e, list[i]);
        text_puts(out, " | ");
        put_percent(out, c->precision);
        text_puts(out, " | ");
        put_percent(out, c->recall);
        text_puts(out, " | ");
        put_share(out, c->f1);
        text_printf(out, " | %d |\n", c->pictures);
    }
}

static void put_mixed(struct text *out, const struct evaluation *e)
{
    struct confusion list[MIXED_MOST];
    int n = confusions_find(e, list, MIXED_MOST);
    if (n)
        text_printf(out, "\n%s\n\n", _("What it mixes up most often:"));
    for (int i = 0; i < n; i++) {
        text_puts(out, "- ");
        put_name(out, e, list[i].truth);
        text_puts(out, " \u2192 ");
        put_name(out, e, list[i].predicted);
        text_printf(out, ": %d\n", list[i].pictures);
    }
}

void put_card_part(struct text *out, const struct evaluation *e,
                   const struct figures *f)
{
    put_classes_told(out, e);
    put_figures(out, f);
    put_sure(out, e);
    put_weakest(out, e, f);
    put_mixed(out, e);
    text_printf(out, "\n%s\n",
                _("More of this: `classes.csv`, `confusion.svg`, "
                  "`mistakes.html`, `thresholds.csv`, and for each picture "
                  "`predictions.csv`."));
}
