/* not under: thread (it is all OpenMP)
 *
 * head_fit.h: what a fitted head must be, whatever the features look like. */
#include "trainer/transfer/head_fit.h"

#include "trainer/basic/random.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 60, FEATURES = 20, CLASSES = 3, WEIGHTS = CLASSES * FEATURES };

struct data {
    float x[COUNT * FEATURES];
    int labels[COUNT];
    struct head_samples samples;
};

/* Clouds around a centre for each class, which stand `apart` deviations
 * apart; the features are then scaled and moved. */
static void data_make(struct data *d, double apart, float scale, float move)
{
    struct random r;
    random_open(&r, 7, 0, 0, 0);
    for (int i = 0; i < COUNT; i++) {
        d->labels[i] = i % CLASSES;
        for (int k = 0; k < FEATURES; k++) {
            double centre = k % CLASSES == d->labels[i] ? apart : 0;
            double noise = random_normal(&r);
            d->x[i * FEATURES + k] = (float)(centre + noise) * scale + move;
        }
    }
    d->samples = (struct head_samples){.count = COUNT,
                                       .features = FEATURES,
                                       .classes = CLASSES,
                                       .x = d->x,
                                       .labels = d->labels};
}

struct head {
    float weight[WEIGHTS], bias[CLASSES];
};

/* By what a feature is divided: its deviation, or the mean one if that is
 * larger. */
static void moments(const struct data *d, double *mean, double *deviation)
{
    double all = 0;
    for (int k = 0; k < FEATURES; k++) {
        mean[k] = deviation[k] = 0;
        for (int i = 0; i < COUNT; i++)
            mean[k] += d->x[i * FEATURES + k] / COUNT;
        for (int i = 0; i < COUNT; i++)
            deviation[k] += pow(d->x[i * FEATURES + k] - mean[k], 2) / COUNT;
        deviation[k] = sqrt(deviation[k]);
        all += deviation[k] / FEATURES;
    }
    for (int k = 0; k < FEATURES; k++)
        deviation[k] = fmax(deviation[k], all);
}

static struct head fit(const struct data *d, double ridge)
{
    struct head h;
    struct reason why = REASON_INIT;
    if (head_fit(&d->samples, ridge, 0, h.weight, h.bias, &why))
        fail_msg("head_fit: %s", why.sentence);
    return h;
}

static void probabilities(const struct data *d, const struct head *h, int i,
                          double *p)
{
    double sum = 0;
    for (int c = 0; c < CLASSES; c++) {
        double logit = h->bias[c];
        for (int k = 0; k < FEATURES; k++)
            logit +=
                (double)h->weight[c * FEATURES + k] * d->x[i * FEATURES + k];
        sum += p[c] = exp(logit);
    }
    for (int c = 0; c < CLASSES; c++)
        p[c] /= sum;
}

static void tells_the_classes_apart(void **state)
{
    (void)state;
    struct data d;
    data_make(&d, 3, 1, 0);
    struct head h = fit(&d, 0.01);
    for (int i = 0; i < COUNT; i++) {
        double p[CLASSES];
        probabilities(&d, &h, i, p);
        assert_true(p[d.labels[i]] > 0.9);
    }
}

/* The covariance within classes of standardised features, half of it replaced
 * by that of independent features that vary alike: whitening.h. */
static void covariance(const struct data *d, const double *mean,
                       const double *deviation, double *to)
{
    double means[CLASSES * FEATURES] = {0}, trace = 0;
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < FEATURES; k++)
            means[d->labels[i] * FEATURES + k] +=
                (d->x[i * FEATURES + k] - mean[k]) / deviation[k] * CLASSES /
                COUNT;
    for (int k = 0; k < FEATURES; k++)
        for (int j = 0; j < FEATURES; j++) {
            double sum = 0;
            for (int i = 0; i < COUNT; i++) {
                const double *m = means + d->labels[i] * FEATURES;
                const float *x = d->x + i * FEATURES;
                sum += ((x[k] - mean[k]) / deviation[k] - m[k]) *
                       ((x[j] - mean[j]) / deviation[j] - m[j]) / COUNT;
            }
            to[k * FEATURES + j] = 0.5 * sum;
            trace += k == j ? sum : 0;
        }
    for (int k = 0; k < FEATURES; k++)
        to[k * FEATURES + k] += 0.5 * trace / FEATURES;
}

/* How the residuals of a class go along with each standardised feature. */
static void slopes(const struct data *d, const struct head *h, int c,
                   const double *mean, const double *deviation, double *to)
{
    memset(to, 0, FEATURES * sizeof *to);
    for (int i = 0; i < COUNT; i++) {
        double p[CLASSES];
        probabilities(d, h, i, p);
        for (int k = 0; k < FEATURES; k++)
            to[k] += (p[c] - (d->labels[i] == c)) *
                     (d->x[i * FEATURES + k] - mean[k]) / deviation[k] / COUNT;
    }
}

static double residuals(const struct data *d, const struct head *h, int c)
{
    double sum = 0;
    for (int i = 0; i < COUNT; i++) {
        double p[CLASSES];
        probabilities(d, h, i, p);
        sum += (p[c] - (d->labels[i] == c)) / COUNT;
    }
    return sum;
}

/* At the minimum the residuals of each class sum to 0, and go along with the
 * standardised features as much as the ridge wants: by the ridge times the
 * covariance times the weights, times a number that is the same for all, the
 * mean square of a whitened feature. */
static void is_the_minimum(void **state)
{
    (void)state;
    struct data d;
    const double ridge = 0.1;
    double mean[FEATURES], deviation[FEATURES], s[FEATURES * FEATURES];
    double slope[WEIGHTS], pull[WEIGHTS], along = 0, square = 0;
    data_make(&d, 0.5, 1, 0);
    moments(&d, mean, deviation);
    covariance(&d, mean, deviation, s);
    struct head h = fit(&d, ridge);
    for (int c = 0; c < CLASSES; c++) {
        assert_true(fabs(residuals(&d, &h, c)) < 1e-4);
        slopes(&d, &h, c, mean, deviation, slope + c * FEATURES);
    }
    for (int i = 0; i < WEIGHTS; i++) {
        int c = i / FEATURES, k = i % FEATURES;
        pull[i] = 0;
        for (int j = 0; j < FEATURES; j++)
            pull[i] += ridge * s[k * FEATURES + j] *
                       h.weight[c * FEATURES + j] * deviation[j];
        along -= slope[i] * pull[i];
        square += pull[i] * pull[i];
    }
    assert_true(along > 0);
    for (int i = 0; i < WEIGHTS; i++)
        assert_true(fabs(slope[i] + along / square * pull[i]) < 1e-3);
}

static void the_scale_of_features_does_not_matter(void **state)
{
    (void)state;
    struct data d, scaled;
    data_make(&d, 1, 1, 0);
    data_make(&scaled, 1, 305, -70);
    struct head h = fit(&d, 0.1), s = fit(&scaled, 0.1);
    for (int i = 0; i < COUNT; i++) {
        double p[CLASSES], q[CLASSES];
        probabilities(&d, &h, i, p);
        probabilities(&scaled, &s, i, q);
        for (int c = 0; c < CLASSES; c++)
            assert_true(fabs(p[c] - q[c]) < 1e-3);
    }
}

/* Where all features of a picture go up and down together, and by much more
 * than the classes differ, it is the differences between features that tell. */
static void what_differs_within_classes_counts_less(void **state)
{
    (void)state;
    struct data d;
    struct random r;
    double loss;
    struct reason why = REASON_INIT;
    data_make(&d, 2, 1, 0);
    random_open(&r, 8, 0, 0, 0);
    for (int i = 0; i < COUNT; i++) {
        float common = (float)random_normal(&r) * 10;
        for (int k = 0; k < FEATURES; k++)
            d.x[i * FEATURES + k] += common;
    }
    if (head_validate(&d.samples, (double[]){0.3}, 1, 4, &loss, &why))
        fail_msg("head_validate: %s", why.sentence);
    assert_true(loss < 0.6);
}

static void a_constant_feature_does_no_harm(void **state)
{
    (void)state;
    struct data d;
    data_make(&d, 3, 1, 0);
    for (int i = 0; i < COUNT; i++)
        d.x[i * FEATURES] = 5;
    struct head h = fit(&d, 0.01);
    for (int i = 0; i < WEIGHTS; i++)
        assert_true(isfinite(h.weight[i]));
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    struct data d;
    int before = omp_get_max_threads();
    data_make(&d, 1, 1, 0);
    omp_set_num_threads(1);
    struct head one = fit(&d, 0.1);
    omp_set_num_threads(3);
    struct head three = fit(&d, 0.1);
    omp_set_num_threads(before);
    assert_memory_equal(&one, &three, sizeof one);
}

static double validated(const struct data *d, double ridge)
{
    double loss;
    struct reason why = REASON_INIT;
    if (head_validate(&d->samples, &ridge, 1, 4, &loss, &why))
        fail_msg("head_validate: %s", why.sentence);
    return loss;
}

/* Clouds far apart are easy; of labels at random there is nothing to learn, and
 * the stronger ridge, which learns less, is the better one. */
static void validation_knows_what_was_learnt(void **state)
{
    (void)state;
    struct data d;
    data_make(&d, 3, 1, 0);
    assert_true(validated(&d, 0.1) < 0.3);
    data_make(&d, 0, 1, 0);
    assert_true(validated(&d, 0.01) > log(CLASSES));
    assert_true(validated(&d, 1) < validated(&d, 0.01));
}

static void ridges_are_judged_alone(void **state)
{
    (void)state;
    static const double ridges[] = {0.01, 1, 0.1};
    struct reason why = REASON_INIT;
    struct data d;
    double losses[3];
    data_make(&d, 1, 1, 0);
    if (head_validate(&d.samples, ridges, 3, 4, losses, &why))
        fail_msg("head_validate: %s", why.sentence);
    for (int i = 0; i < 3; i++)
        assert_true(losses[i] == validated(&d, ridges[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_classes_apart),
        cmocka_unit_test(is_the_minimum),
        cmocka_unit_test(the_scale_of_features_does_not_matter),
        cmocka_unit_test(what_differs_within_classes_counts_less),
        cmocka_unit_test(a_constant_feature_does_no_harm),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(validation_knows_what_was_learnt),
        cmocka_unit_test(ridges_are_judged_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
