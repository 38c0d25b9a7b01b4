#include "core/evaluation/figures.h"

#include "core/basic/alloc.h"

#include <math.h>
#include <stdlib.h>

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static void class_finish(struct class_figures *c)
{
    c->precision = share(c->right, c->predicted);
    c->recall = share(c->right, c->pictures);
    c->f1 = share(2.0 * c->right, c->predicted + c->pictures);
}

static double calibration_error(const struct evaluation *e)
{
    double sure[CALIBRATION_BINS] = {0}, right[CALIBRATION_BINS] = {0};
    double error = 0;
    for (int i = 0; i < e->picture_count; i++) {
        const struct evaluated *p = &e->pictures[i];
        /* A bin has its upper bound, not its lower one. */
        int bin = (int)ceil(p->confidence * CALIBRATION_BINS) - 1;
        bin = bin < 0 ? 0 : bin;
        sure[bin] += p->confidence;
        right[bin] += evaluated_is_right(p);
    }
    for (int i = 0; i < CALIBRATION_BINS; i++)
        error += fabs(sure[i] - right[i]);
    return e->picture_count ? error / e->picture_count : NAN;
}

static void means_make(struct figures *f, const struct evaluation *e)
{
    double precision = 0, f1 = 0;
    int have = 0, known = 0;
    for (int i = 0; i < e->class_count; i++) {
        const struct class_figures *c = &f->classes[i];
        if (!isnan(e->classes[i].average_precision)) {
            precision += e->classes[i].average_precision;
            have++;
        }
        f1 += c->f1;
        known += c->pictures || c->predicted;
    }
    f->average_precision = have ? precision / have : NAN;
    f->macro_f1 = known ? f1 / known : NAN;
}

void figures_make(struct figures *f, const struct evaluation *e)
{
    *f = (struct figures){.pictures = e->picture_count};
    f->classes = xcalloc((size_t)e->class_count, sizeof *f->classes);
    for (int i = 0; i < e->picture_count; i++) {
        const struct evaluated *p = &e->pictures[i];
        f->classes[p->truth].pictures++;
        f->classes[p->predicted].predicted++;
        f->classes[p->truth].right += evaluated_is_right(p);
        f->right += evaluated_is_right(p);
    }
    for (int i = 0; i < e->class_count; i++)
        class_finish(&f->classes[i]);
    f->accuracy = f->pictures ? (double)f->right / f->pictures : NAN;
    f->calibration_error = calibration_error(e);
    means_make(f, e);
}

void figures_release(struct figures *f)
{
    free(f->classes);
    *f = (struct figures){0};
}

void thresholds_make(struct threshold list[THRESHOLDS],
                     const struct evaluation *e)
{
    static const double fine[] = {0.98, 0.99, 0.995, 0.999};
    enum { COARSE = THRESHOLDS - sizeof fine / sizeof *fine };
    for (int i = 0; i < THRESHOLDS; i++) {
        double least = i < COARSE ? i / (double)COARSE : fine[i - COARSE];
        int answered = 0, right = 0;
        for (int k = 0; k < e->picture_count; k++) {
            bool counts = e->pictures[k].confidence >= least;
            answered += counts;
            right += counts && evaluated_is_right(&e->pictures[k]);
        }
        list[i] = (struct threshold){least, share(answered, e->picture_count),
                                     answered ? (double)right / answered : NAN};
    }
}

struct interval interval_of(double p, double n)
{
    const double z = 1.959963984540054;
    if (!(n > 0) || isnan(p))
        return (struct interval){NAN, NAN};
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half =
        z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return (struct interval){fmax(middle - half, 0), fmin(middle + half, 1)};
}

/* Mix-ups */

static int by_classes(const void *a, const void *b)
{
    const struct confusion *x = a, *y = b;
    return x->truth != y->truth
               ? (x->truth > y->truth) - (x->truth < y->truth)
               : (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

static int by_pictures_down(const void *a, const void *b)
{
    const struct confusion *x = a, *y = b;
    return x->pictures != y->pictures
               ? (x->pictures < y->pictures) - (x->pictures > y->pictures)
               : by_classes(a, b);
}

int confusions_find(const struct evaluation *e, struct confusion *list,
                    int most)
{
    size_t room = (size_t)e->picture_count + 1, count = 0, n = 0;
    struct confusion *all = xreallocarray(NULL, room, sizeof *all);
    for (int i = 0; i < e->picture_count; i++) {
        const struct evaluated *p = &e->pictures[i];
        if (!evaluated_is_right(p))
            all[n++] = (struct confusion){p->truth, p->predicted, 1};
    }
    qsort(all, n, sizeof *all, by_classes);
    for (size_t i = 0; i < n; i++) {
        if (count && by_classes(&all[count - 1], &all[i]) == 0)
            all[count - 1].pictures++;
        else
            all[count++] = all[i];
    }
    qsort(all, count, sizeof *all, by_pictures_down);
    int found = (int)count < most ? (int)count : most;
    for (int i = 0; i < found; i++)
        list[i] = all[i];
    free(all);
    return found;
}
