/* average_precision.h against its definition, computed the slow way, and
 * against values that scikit-learn's documentation gives.
 *
 * With a file as argument it prints the average precision and the accuracy of
 * the scores in it, for tests/peers/average-precision.sh: int32 n, int32
 * classes, float32 scores [n, classes], int32 labels [n]. */
#include "trainer/basic/random.h"
#include "trainer/evaluation/average_precision.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static double mean_precision(const float *scores, const int *labels, int n,
                             int classes)
{
    double v = -1;
    struct reason why = REASON_INIT;
    assert_int_equal(average_precision(scores, labels, n, classes, &v, &why),
                     0);
    return v;
}

static void near(double got, double want)
{
    if (!(fabs(got - want) < 1e-12))
        fail_msg("%.17g, wanted %.17g", got, want);
}

/* The documented example: y = 0 0 1 1, scores .1 .4 .35 .8 gives 0.8333…; as
 * two columns the other class has 1 - score. */
static void documented_example(void **state)
{
    (void)state;
    static const float scores[] = {.9f, .1f, .6f, .4f, .65f, .35f, .2f, .8f};
    static const int labels[] = {0, 0, 1, 1};
    /* class 1: (1 + 2/3) / 2; class 0: ranks .9+, .65-, .6+: (1 + 2/3) / 2 */
    near(mean_precision(scores, labels, 4, 2), 5.0 / 6);
}

static void equal_scores_count_together(void **state)
{
    (void)state;
    static const float flat[] = {.5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f};
    static const int labels[] = {0, 1, 1, 1};
    near(mean_precision(flat, labels, 4, 2), (0.25 + 0.75) / 2);
}

static void classes_without_pictures_do_not_count(void **state)
{
    (void)state;
    static const float scores[] = {.8f, .1f, .1f, .2f, .7f, .1f};
    static const int labels[] = {0, 1};
    near(mean_precision(scores, labels, 2, 3), 1);
    assert_true(isnan(mean_precision(scores, labels, 0, 3)));
}

static void nan_ranks_last(void **state)
{
    (void)state;
    static const float scores[] = {NAN, 0, .5f, .6f, .4f, .7f};
    static const int labels[] = {0, 0, 1};
    /* class 0 ranks .5+ .4- nan+: (1 + 2/3) / 2; class 1 has .7 first */
    near(mean_precision(scores, labels, 3, 2), (5.0 / 6 + 1) / 2);
}

static void foreign_labels_are_refused(void **state)
{
    (void)state;
    static const float scores[] = {.8f, .2f};
    for (int label = -1; label <= 2; label += 3) {
        double v = 7;
        struct reason why = REASON_INIT;
        assert_int_equal(average_precision(scores, &label, 1, 2, &v, &why),
                         -EINVAL);
        assert_int_equal(why.code, EINVAL);
        assert_true(why.sentence[0]);
        near(v, 7);
    }
}

/* For every threshold among the scores: its precision, times what it adds to
 * the recall over the next higher threshold. */
static double slow_precision(const float *scores, const int *labels, int n,
                             int classes, int class)
{
    double sum = 0, recall = 0, last = INFINITY;
    int hits = 0;
    for (int i = 0; i < n; i++)
        hits += labels[i] == class;
    for (;;) {
        double threshold = -INFINITY;
        for (int i = 0; i < n; i++) {
            double s = scores[i * classes + class];
            if (s < last && s > threshold)
                threshold = s;
        }
        if (threshold == -INFINITY)
            return hits ? sum : NAN;
        int taken = 0, right = 0;
        for (int i = 0; i < n; i++)
            if (scores[i * classes + class] >= threshold) {
                taken++;
                right += labels[i] == class;
            }
        sum += ((double)right / hits - recall) * right / taken;
        recall = (double)right / hits;
        last = threshold;
    }
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    enum { N = 60, CLASSES = 5 };
    struct random r;
    random_open(&r, 1, 2, 3, 4);
    for (int round = 0; round < 200; round++) {
        float scores[N * CLASSES];
        int labels[N], n = 1 + (int)random_below(&r, N), known = 0;
        /* so few that many scores are equal */
        uint32_t levels = 1 + random_below(&r, 12);
        for (int i = 0; i < n * CLASSES; i++)
            scores[i] = (float)random_below(&r, levels) / (float)levels;
        for (int i = 0; i < n; i++)
            labels[i] = (int)random_below(&r, CLASSES);
        double want = 0;
        for (int k = 0; k < CLASSES; k++) {
            double v = slow_precision(scores, labels, n, CLASSES, k);
            want += isnan(v) ? 0 : v;
            known += !isnan(v);
        }
        near(mean_precision(scores, labels, n, CLASSES), want / known);
    }
}

static void accuracy_takes_the_first_of_equals(void **state)
{
    (void)state;
    static const float scores[] = {.5f, .5f, .5f, .5f, .2f, .8f, .9f, .1f};
    static const int labels[] = {0, 1, 1, 1};
    near(accuracy(scores, labels, 4, 2), 0.5);
    assert_true(isnan(accuracy(scores, labels, 0, 2)));
}

static void *read_array(FILE *f, size_t size, size_t count)
{
    void *to = malloc(size * count + 1);
    if (!to || fread(to, size, count, f) != count)
        exit(2);
    return to;
}

static int answer(const char *path)
{
    FILE *f = fopen(path, "rb");
    int shape[2];
    if (!f || fread(shape, sizeof *shape, 2, f) != 2)
        return 2;
    float *scores =
        read_array(f, sizeof *scores, (size_t)shape[0] * (size_t)shape[1]);
    int *labels = read_array(f, sizeof *labels, (size_t)shape[0]);
    fclose(f);
    double v;
    struct reason why = REASON_INIT;
    if (average_precision(scores, labels, shape[0], shape[1], &v, &why) < 0)
        return 1;
    printf("%.17g %.17g\n", v, accuracy(scores, labels, shape[0], shape[1]));
    free(scores);
    free(labels);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_example),
        cmocka_unit_test(equal_scores_count_together),
        cmocka_unit_test(classes_without_pictures_do_not_count),
        cmocka_unit_test(nan_ranks_last),
        cmocka_unit_test(foreign_labels_are_refused),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(accuracy_takes_the_first_of_equals),
    };
    if (argc > 1)
        return answer(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
