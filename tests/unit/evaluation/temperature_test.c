/* The temperature: the maximum of the likelihood, found by looking around it.
 * With an argument, a program for tests/peers/reports.py: it prints the
 * temperature of the scores in that file (as average_precision_test.c). */
#include "trainer/evaluation/temperature.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N = 300, CLASSES = 4 };

/* A network that is `sharp` times as certain as it ought to be. */
static void scores_make(float *p, int *labels, double sharp)
{
    srand(7);
    for (int i = 0; i < N; i++) {
        double z[CLASSES], honest = 0, sum = 0;
        for (int k = 0; k < CLASSES; k++) {
            z[k] = 3.0 * rand() / RAND_MAX;
            honest += exp(z[k]);
        }
        double at = honest * rand() / ((double)RAND_MAX + 1);
        labels[i] = 0;
        while (labels[i] < CLASSES - 1 && (at -= exp(z[labels[i]])) > 0)
            labels[i]++;
        for (int k = 0; k < CLASSES; k++)
            sum += exp(sharp * z[k]);
        for (int k = 0; k < CLASSES; k++)
            p[i * CLASSES + k] = (float)(exp(sharp * z[k]) / sum);
    }
}

static double likelihood(const float *p, const int *labels, double temperature)
{
    double sum = 0, row[CLASSES];
    for (int i = 0; i < N; i++) {
        temperature_apply(temperature, p + i * CLASSES, CLASSES, row);
        sum += log(row[labels[i]]);
    }
    return sum;
}

static void it_is_the_most_likely_one(void **state)
{
    static float p[N * CLASSES];
    static int labels[N];
    (void)state;
    for (double sharp = 0.25; sharp < 9; sharp *= 2) {
        scores_make(p, labels, sharp);
        double t = temperature_fit(p, labels, N, CLASSES);
        double best = likelihood(p, labels, t);
        assert_true(best >= likelihood(p, labels, t * 1.01));
        assert_true(best >= likelihood(p, labels, t / 1.01));
        assert_float_equal(t / sharp, 1, 0.4);
    }
}

static void without_a_mistake_nothing_is_changed(void **state)
{
    static const float p[] = {0.9f, 0.1f, 0.4f, 0.6f};
    static const int labels[] = {0, 1};
    (void)state;
    assert_float_equal(temperature_fit(p, labels, 2, 2), 1, 0);
    assert_float_equal(temperature_fit(p, labels, 0, 2), 1, 0);
}

static void extremes_stay_in_bounds(void **state)
{
    static const float p[] = {1, 0, 1, 0, 1, 0};
    static const int wrong[] = {1, 1, 1}, mixed[] = {0, 1, 0};
    (void)state;
    double t = temperature_fit(p, wrong, 3, 2);
    assert_true(t >= 0.04 && t <= 21);
    t = temperature_fit(p, mixed, 3, 2);
    assert_true(t >= 0.04 && t <= 21);
    double row[2];
    temperature_apply(0.05, p, 2, row);
    assert_float_equal(row[0] + row[1], 1, 1e-12);
}

static int file_fit(const char *path)
{
    int32_t shape[2];
    FILE *f = fopen(path, "rb");
    if (!f || fread(shape, sizeof shape, 1, f) != 1)
        return 1;
    size_t n = (size_t)shape[0], all = n * (size_t)shape[1];
    float *scores = malloc(all * sizeof *scores);
    int32_t *labels = malloc(n * sizeof *labels);
    if (fread(scores, sizeof *scores, all, f) != all ||
        fread(labels, sizeof *labels, n, f) != n)
        return 1;
    printf("%.9g\n", temperature_fit(scores, labels, shape[0], shape[1]));
    free(scores);
    free(labels);
    return fclose(f) != 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_most_likely_one),
        cmocka_unit_test(without_a_mistake_nothing_is_changed),
        cmocka_unit_test(extremes_stay_in_bounds),
    };
    if (argc == 2)
        return file_fit(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
