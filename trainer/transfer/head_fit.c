#include "trainer/transfer/head_fit.h"

#include "trainer/net/loss.h"
#include "trainer/transfer/vectors.h"
#include "trainer/transfer/whitening.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    POWER_STEPS = 16, /* of the estimate of the largest curvature */
    /* Steps of the descent. The products of many classes with many samples
     * take long, so these get fewer. */
    STEPS_MOST = 400,
    STEPS_LEAST = 40,
};
#define PRODUCTS_MOST 1e10 /* multiplications of a fit: about a second */
/* The descent ends where the square of the gradient has fallen so far. */
#define DONE 1e-8

/* A fit under way. Feature `features` of the whitened samples is 1, so that the
 * bias is the last column of the weights. */
struct fit {
    const struct head_samples *samples;
    struct whitening whitening;
    int columns;             /* features + 1 */
    float *x;                /* [count, columns], whitened */
    float *w, *ahead, *last; /* [classes, columns]: see descend() */
    float *gradient;         /* [classes, columns] */
    float *rest;             /* [count, classes]: logits, then gradients */
    double ridge;
    float smoothing;
};

/* Life cycle */

static void fit_release(struct fit *f)
{
    whitening_release(&f->whitening);
    free(f->x);
    free(f->w);
    free(f->ahead);
    free(f->last);
    free(f->gradient);
    free(f->rest);
}

static bool fit_alloc(struct fit *f)
{
    const struct head_samples *s = f->samples;
    size_t columns = (size_t)f->columns;
    size_t weights = (size_t)s->classes * columns;
    f->x = malloc((size_t)s->count * columns * sizeof(float));
    f->w = malloc(weights * sizeof(float));
    f->ahead = malloc(weights * sizeof(float));
    f->last = malloc(weights * sizeof(float));
    f->gradient = malloc(weights * sizeof(float));
    f->rest = malloc((size_t)s->count * (size_t)s->classes * sizeof(float));
    return f->x && f->w && f->ahead && f->last && f->gradient && f->rest;
}

/* The descent */

/* Leaves in f->rest the gradient of the loss with respect to each logit. */
static void rest_find(struct fit *f, const float *w)
{
    const struct head_samples *s = f->samples;
    const struct loss loss = {s->classes, f->smoothing, s->class_weights};
#pragma omp parallel for schedule(static)
    for (int i = 0; i < s->count; i++) {
        float *rest = f->rest + (size_t)i * s->classes;
        const float *x = f->x + (size_t)i * f->columns;
        for (int c = 0; c < s->classes; c++)
            rest[c] = vector_dot(w + (size_t)c * f->columns, x, f->columns);
        loss_gradient(&loss, rest, &s->labels[i], 1, rest);
    }
}

static void gradient_find(struct fit *f, const float *w)
{
    const struct head_samples *s = f->samples;
    rest_find(f, w);
#pragma omp parallel for schedule(static)
    for (int c = 0; c < s->classes; c++) {
        float *g = f->gradient + (size_t)c * f->columns;
        memset(g, 0, (size_t)f->columns * sizeof *g);
        for (int i = 0; i < s->count; i++) {
            float r = f->rest[(size_t)i * s->classes + c] / (float)s->count;
            vector_add(g, f->x + (size_t)i * f->columns, r, f->columns);
        }
        vector_add(g, w + (size_t)c * f->columns, (float)f->ridge, s->features);
    }
}

/* The largest eigenvalue of the samples' mean square, by powers: v = X'X v. It
 * uses the first rows of `ahead` and `last`, which are cleared again. */
static double square_largest(struct fit *f)
{
    const struct head_samples *s = f->samples;
    float *v = f->ahead, *next = f->last;
    double size = 1;
    for (int k = 0; k < f->columns; k++)
        v[k] = k % 2 ? 1 : 0.5f;
    for (int step = 0; step < POWER_STEPS; step++) {
        memset(next, 0, (size_t)f->columns * sizeof *next);
        for (int i = 0; i < s->count; i++) {
            const float *x = f->x + (size_t)i * f->columns;
            float a = vector_dot(x, v, f->columns) / (float)s->count;
            vector_add(next, x, a, f->columns);
        }
        size = sqrt(vector_dot(next, next, f->columns));
        for (int k = 0; k < f->columns; k++)
            v[k] = (float)(next[k] / size);
    }
    memset(v, 0, (size_t)f->columns * sizeof *v);
    memset(next, 0, (size_t)f->columns * sizeof *next);
    return size;
}

static float weight_largest(const struct head_samples *s)
{
    float most = s->class_weights ? 0 : 1;
    for (int c = 0; s->class_weights && c < s->classes; c++)
        most = fmaxf(most, s->class_weights[c]);
    return most;
}

static int steps_for(const struct fit *f)
{
    double each = 2.0 * f->samples->count * f->samples->classes * f->columns;
    double steps = PRODUCTS_MOST / each;
    return steps < STEPS_LEAST  ? STEPS_LEAST
           : steps > STEPS_MOST ? STEPS_MOST
                                : (int)steps;
}

/* One step from `ahead`. Returns the square of the gradient's norm there, and
 * in *uphill whether the step led uphill. */
static double step_make(struct fit *f, float step, bool *uphill)
{
    size_t count = (size_t)f->samples->classes * (size_t)f->columns;
    double square = 0, along = 0;
    gradient_find(f, f->ahead);
    memcpy(f->last, f->w, count * sizeof *f->w);
    for (size_t i = 0; i < count; i++) {
        f->w[i] = f->ahead[i] - step * f->gradient[i];
        square += (double)f->gradient[i] * f->gradient[i];
        along += (double)f->gradient[i] * (f->w[i] - f->last[i]);
    }
    *uphill = along > 0;
    return square;
}

/* Nesterov's accelerated gradient descent. `ahead` is where the gradient is
 * taken: it runs ahead of `w` along its last move, ever more, and begins again
 * where that no longer leads downhill (O'Donoghue and Candes, 2015). The step
 * is one over the largest curvature, a half of the largest eigenvalue: it
 * cannot diverge. */
static void descend(struct fit *f)
{
    size_t count = (size_t)f->samples->classes * (size_t)f->columns;
    double curvature = 0.5 * square_largest(f) * weight_largest(f->samples);
    float step = (float)(1 / (1.05 * curvature + f->ridge));
    double run = 1, first = 0;
    int most = steps_for(f);
    for (int n = 0; n < most; n++) {
        bool uphill;
        double square = step_make(f, step, &uphill);
        first = n == 0 ? square : first;
        if (square <= DONE * first)
            return;
        double next = uphill ? 1 : 0.5 * (1 + sqrt(1 + 4 * run * run));
        float share = uphill ? 0 : (float)((run - 1) / next);
        run = next;
        for (size_t i = 0; i < count; i++)
            f->ahead[i] = f->w[i] + share * (f->w[i] - f->last[i]);
    }
}

static int samples_whiten(struct fit *f, struct reason *why)
{
    const struct head_samples *s = f->samples;
    for (int i = 0; i < s->count; i++)
        f->x[(size_t)i * f->columns + s->features] = 1;
    return whitening_learn(&f->whitening, s, f->x, f->columns, why);
}

/* The ridge is for fit_find() to say. */
static int fit_open(struct fit *f, const struct head_samples *s,
                    float smoothing, struct reason *why)
{
    *f = (struct fit){.samples = s,
                      .whitening = WHITENING_INIT,
                      .columns = s->features + 1,
                      .smoothing = smoothing};
    int err = fit_alloc(f) ? samples_whiten(f, why)
                           : refuse(why, ENOMEM, "no memory to fit the head");
    if (err)
        fit_release(f);
    return err;
}

static void fit_find(struct fit *f, double ridge, float *weight, float *bias)
{
    const struct head_samples *s = f->samples;
    size_t count = (size_t)s->classes * (size_t)f->columns;
    f->ridge = ridge;
    memset(f->w, 0, count * sizeof *f->w);
    memset(f->ahead, 0, count * sizeof *f->ahead);
    memset(f->last, 0, count * sizeof *f->last);
    descend(f);
    for (int c = 0; c < s->classes; c++)
        whitening_undo(&f->whitening, f->w + (size_t)c * f->columns,
                       weight + (size_t)c * s->features, bias + c);
}

int head_fit(const struct head_samples *s, double ridge, float smoothing,
             float *weight, float *bias, struct reason *why)
{
    struct fit f;
    int err = fit_open(&f, s, smoothing, why);
    if (err)
        return err;
    fit_find(&f, ridge, weight, bias);
    fit_release(&f);
    return 0;
}

/* Validation */

struct validation {
    const struct head_samples *all;
    const double *ridges;
    int ridge_count;
    struct head_samples part; /* the samples of the other folds */
    float *x;
    int *labels;
    int *fold;            /* [count]: the fold of each sample */
    float *weight;        /* [classes, features] */
    float *bias, *logits; /* [classes] */
    double *loss;         /* [ridges, classes]: sums */
    int *judged;          /* [classes]: samples, each once */
};

static void validation_release(struct validation *v)
{
    free(v->x);
    free(v->labels);
    free(v->fold);
    free(v->weight);
    free(v->bias);
    free(v->logits);
    free(v->loss);
    free(v->judged);
}

/* The pictures of each class are dealt to the folds in turn. Classes begin at
 * different folds, so that folds of small classes are of one size. */
static void folds_deal(struct validation *v, int folds)
{
    for (int i = 0; i < v->all->count; i++) {
        int label = v->all->labels[i];
        v->fold[i] = (label + v->judged[label]++) % folds;
    }
}

static bool validation_open(struct validation *v, const struct head_samples *s,
                            const double *ridges, int ridge_count, int folds)
{
    size_t count = (size_t)s->count, classes = (size_t)s->classes;
    size_t features = (size_t)s->features;
    *v = (struct validation){
        .all = s, .ridges = ridges, .ridge_count = ridge_count, .part = *s};
    v->x = malloc(count * features * sizeof(float));
    v->labels = malloc(count * sizeof(int));
    v->fold = malloc(count * sizeof(int));
    v->weight = malloc(classes * features * sizeof(float));
    v->bias = malloc(classes * sizeof(float));
    v->logits = malloc(classes * sizeof(float));
    v->loss = calloc((size_t)ridge_count * classes, sizeof(double));
    v->judged = calloc(classes, sizeof(int));
    if (!v->x || !v->labels || !v->fold || !v->weight || !v->bias ||
        !v->logits || !v->loss || !v->judged)
        return false;
    v->part.x = v->x;
    v->part.labels = v->labels;
    folds_deal(v, folds);
    return true;
}

static void others_take(struct validation *v, int fold)
{
    size_t features = (size_t)v->all->features;
    v->part.count = 0;
    for (int i = 0; i < v->all->count; i++) {
        if (v->fold[i] == fold)
            continue;
        size_t to = (size_t)v->part.count++;
        v->labels[to] = v->all->labels[i];
        memcpy(v->x + to * features, v->all->x + (size_t)i * features,
               features * sizeof(float));
    }
}

static double sample_loss(const struct validation *v, int i)
{
    const struct head_samples *s = v->all;
    const struct loss loss = {.classes = s->classes};
    const float *x = s->x + (size_t)i * s->features;
    for (int c = 0; c < s->classes; c++)
        v->logits[c] =
            vector_dot(v->weight + (size_t)c * s->features, x, s->features) +
            v->bias[c];
    return loss_gradient(&loss, v->logits, &s->labels[i], 1, v->logits);
}

/* Adds the losses of a fold's samples to those of a ridge. */
static void fold_judge(struct validation *v, int fold, int ridge)
{
    double *loss = v->loss + (size_t)ridge * (size_t)v->all->classes;
    for (int i = 0; i < v->all->count; i++)
        if (v->fold[i] == fold)
            loss[v->all->labels[i]] += sample_loss(v, i);
}

static int fold_validate(struct validation *v, int fold, struct reason *why)
{
    struct fit f;
    others_take(v, fold);
    int err = fit_open(&f, &v->part, 0, why);
    if (err)
        return err;
    for (int i = 0; i < v->ridge_count; i++) {
        fit_find(&f, v->ridges[i], v->weight, v->bias);
        fold_judge(v, fold, i);
    }
    fit_release(&f);
    return 0;
}

static double classes_mean(const struct validation *v, int ridge)
{
    const double *loss = v->loss + (size_t)ridge * (size_t)v->all->classes;
    double sum = 0;
    int classes = 0;
    for (int c = 0; c < v->all->classes; c++) {
        if (!v->judged[c])
            continue;
        sum += loss[c] / v->judged[c];
        classes++;
    }
    return sum / classes;
}

int head_validate(const struct head_samples *s, const double *ridges,
                  int ridge_count, int folds, double *losses,
                  struct reason *why)
{
    struct validation v;
    int err = validation_open(&v, s, ridges, ridge_count, folds)
                  ? 0
                  : refuse(why, ENOMEM, "no memory to judge a head");
    for (int fold = 0; fold < folds && err == 0; fold++)
        err = fold_validate(&v, fold, why);
    for (int i = 0; i < ridge_count && err == 0; i++)
        losses[i] = classes_mean(&v, i);
    validation_release(&v);
    return err;
}
