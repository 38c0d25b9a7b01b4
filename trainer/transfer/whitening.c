#include "trainer/transfer/whitening.h"

#include "trainer/transfer/vectors.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The part of the covariance that is replaced: docs/measurements.md has heads
 * with more and less of it. */
#define SHRINKAGE 0.5
/* So that there is a factor even where no two pictures of a class differ. */
#define VARIANCE_LEAST 1e-9

static bool whitening_alloc(struct whitening *w, int features)
{
    size_t n = (size_t)features;
    w->features = features;
    w->mean = calloc(n, sizeof *w->mean);
    w->deviation = calloc(n, sizeof *w->deviation);
    w->factor = calloc(n * n, sizeof *w->factor);
    return w->mean && w->deviation && w->factor;
}

void whitening_release(struct whitening *w)
{
    free(w->mean);
    free(w->deviation);
    free(w->factor);
    *w = (struct whitening)WHITENING_INIT;
}

/* Standardising */

static void moments_find(struct whitening *w, const struct head_samples *s)
{
    double all = 0;
    for (int i = 0; i < s->count; i++)
        for (int k = 0; k < s->features; k++)
            w->mean[k] += s->x[(size_t)i * s->features + k] / s->count;
    for (int i = 0; i < s->count; i++)
        for (int k = 0; k < s->features; k++) {
            double d = s->x[(size_t)i * s->features + k] - w->mean[k];
            w->deviation[k] += d * d / s->count;
        }
    for (int k = 0; k < s->features; k++) {
        w->deviation[k] = sqrt(w->deviation[k]);
        all += w->deviation[k] / s->features;
    }
    /* A feature that varies less than most is not blown up: augmented pictures
     * would change it by many of its deviations, and a head that leans on it
     * would send large gradients to what makes it. */
    for (int k = 0; k < s->features; k++)
        w->deviation[k] = fmax(w->deviation[k], all) + 1e-30;
}

static void samples_standardise(const struct whitening *w,
                                const struct head_samples *s, float *to,
                                int columns)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < s->count; i++)
        for (int k = 0; k < s->features; k++)
            to[(size_t)i * columns + k] =
                (float)((s->x[(size_t)i * s->features + k] - w->mean[k]) /
                        w->deviation[k]);
}

/* The covariance within classes */

/* Writes to means [classes, features] the mean of each class. */
static void means_find(const struct head_samples *s, const float *x,
                       int columns, float *means, int *count)
{
    for (int i = 0; i < s->count; i++)
        count[s->labels[i]]++;
    for (int i = 0; i < s->count; i++)
        vector_add(means + (size_t)s->labels[i] * s->features,
                   x + (size_t)i * columns, 1.0f / (float)count[s->labels[i]],
                   s->features);
}

/* Leaves the sum of squares in the lower half of the factor. */
static void squares_find(struct whitening *w, const struct head_samples *s,
                         const float *x, int columns, const float *means)
{
#pragma omp parallel for schedule(dynamic, 8)
    for (int k = 0; k < s->features; k++)
        for (int i = 0; i < s->count; i++) {
            const float *mean = means + (size_t)s->labels[i] * s->features;
            const float *row = x + (size_t)i * columns;
            float d = (row[k] - mean[k]) / (float)s->count;
            float *to = w->factor + (size_t)k * s->features;
            vector_add(to, row, d, k + 1);
            vector_add(to, mean, -d, k + 1);
        }
}

static void covariance_shrink(struct whitening *w)
{
    size_t n = (size_t)w->features;
    double mean = VARIANCE_LEAST;
    for (size_t k = 0; k < n; k++)
        mean += w->factor[k * n + k] / (double)n;
    for (size_t k = 0; k < n; k++) {
        for (size_t j = 0; j <= k; j++)
            w->factor[k * n + j] *= (float)(1 - SHRINKAGE);
        w->factor[k * n + k] += (float)(SHRINKAGE * mean);
    }
}

/* The factor of Cholesky, in the covariance's place: row by row. */
static void factor_make(struct whitening *w)
{
    size_t n = (size_t)w->features;
    for (size_t k = 0; k < n; k++) {
        float *row = w->factor + k * n;
        for (size_t j = 0; j < k; j++) {
            const float *other = w->factor + j * n;
            row[j] = (row[j] - vector_dot(row, other, (int)j)) / other[j];
        }
        row[k] = sqrtf(row[k] - vector_dot(row, row, (int)k));
    }
}

static int factor_find(struct whitening *w, const struct head_samples *s,
                       const float *x, int columns)
{
    size_t classes = (size_t)s->classes;
    float *means = calloc(classes * (size_t)s->features, sizeof *means);
    int *count = calloc(classes, sizeof *count);
    int err = means && count ? 0 : -ENOMEM;
    if (err == 0) {
        means_find(s, x, columns, means, count);
        squares_find(w, s, x, columns, means);
        covariance_shrink(w);
        factor_make(w);
    }
    free(means);
    free(count);
    return err;
}

/* Whitening */

/* Solves L z = x, for each sample in its place, and divides by the size. */
static void samples_whiten(struct whitening *w, int count, float *x,
                           int columns)
{
    double square = 0;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < count; i++) {
        float *z = x + (size_t)i * columns;
        for (int k = 0; k < w->features; k++) {
            const float *row = w->factor + (size_t)k * (size_t)w->features;
            z[k] = (z[k] - vector_dot(row, z, k)) / row[k];
        }
    }
    for (int i = 0; i < count; i++)
        square += vector_dot(x + (size_t)i * columns, x + (size_t)i * columns,
                             w->features);
    w->size = sqrt(square / count / w->features) + 1e-30;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < count; i++)
        for (int k = 0; k < w->features; k++)
            x[(size_t)i * columns + k] /= (float)w->size;
}

int whitening_learn(struct whitening *w, const struct head_samples *s,
                    float *to, int columns, struct reason *why)
{
    int err = whitening_alloc(w, s->features) ? 0 : -ENOMEM;
    if (err == 0) {
        moments_find(w, s);
        samples_standardise(w, s, to, columns);
        err = factor_find(w, s, to, columns);
    }
    if (err == 0)
        samples_whiten(w, s->count, to, columns);
    else
        whitening_release(w);
    return err ? refuse(why, ENOMEM, "no memory to fit the head") : 0;
}

/* Solves L' u = v in the place of v, from its end. */
void whitening_undo(const struct whitening *w, float *whitened, float *weight,
                    float *bias)
{
    double b = whitened[w->features];
    for (int k = w->features - 1; k >= 0; k--) {
        const float *row = w->factor + (size_t)k * (size_t)w->features;
        whitened[k] /= row[k];
        vector_add(whitened, row, -whitened[k], k);
        double scaled = whitened[k] / w->size / w->deviation[k];
        weight[k] = (float)scaled;
        b -= scaled * w->mean[k];
    }
    *bias = (float)b;
}
