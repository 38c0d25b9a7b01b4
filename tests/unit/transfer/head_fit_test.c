/* head_fit.h: what a fitted head must be, whatever the features look like. */
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

/* At the minimum the residuals are uncorrelated with the standardised
 * features, but for the ridge, and sum to 0 for each class. */
static void is_the_minimum(void **state)
{
    (void)state;
    struct data d;
    const double ridge = 0.1;
    double mean[FEATURES], deviation[FEATURES];
    data_make(&d, 0.5, 1, 0);
    moments(&d, mean, deviation);
    struct head h = fit(&d, ridge);
    for (int c = 0; c < CLASSES; c++) {
        double bias = 0;
        for (int i = 0; i < COUNT; i++) {
            double p[CLASSES];
            probabilities(&d, &h, i, p);
            bias += (p[c] - (d.labels[i] == c)) / COUNT;
        }
        assert_true(fabs(bias) < 1e-4);
        for (int k = 0; k < FEATURES; k++) {
            double slope = 0;
            for (int i = 0; i < COUNT; i++) {
                double p[CLASSES];
                probabilities(&d, &h, i, p);
                slope += (p[c] - (d.labels[i] == c)) *
                         (d.x[i * FEATURES + k] - mean[k]) / deviation[k] /
                         COUNT;
            }
            slope += ridge * h.weight[c * FEATURES + k] * deviation[k];
            assert_true(fabs(slope) < 1e-3);
        }
    }
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
    if (head_validate(&d->samples, ridge, 4, &loss, &why))
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_classes_apart),
        cmocka_unit_test(is_the_minimum),
        cmocka_unit_test(the_scale_of_features_does_not_matter),
        cmocka_unit_test(a_constant_feature_does_no_harm),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(validation_knows_what_was_learnt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
