#include "trainer/training/recipe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void close_to(double got, double want)
{
    if (fabs(got - want) > 1e-12)
        fail_msg("%.17g instead of %.17g", got, want);
}

static void rate_rises_stays_and_falls(void **state)
{
    (void)state;
    struct recipe r;
    recipe_init(&r, 0.05, 100, 4, 0);
    assert_int_equal(r.iterations, 400);
    assert_int_equal(r.warmup, 20);
    close_to(recipe_rate(&r, 0), 0.05 / 20);
    close_to(recipe_rate(&r, 9), 0.025);
    close_to(recipe_rate(&r, 19), 0.05);
    close_to(recipe_rate(&r, 20), 0.05);
    close_to(recipe_rate(&r, 286), 0.05);
    close_to(recipe_rate(&r, 343), 0.025); /* halfway down */
    close_to(recipe_rate(&r, 400), 0);
    for (uint64_t i = 287; i < 400; i++)
        assert_true(recipe_rate(&r, i) < recipe_rate(&r, i - 1));
    assert_true(recipe_rate(&r, 399) > 0);
}

/* At first the average is the mean of all samples, then older ones fade. Of few
 * updates each is a sample. */
static void average_begins_with_the_weights(void **state)
{
    (void)state;
    struct recipe r;
    recipe_init(&r, 0.05, 100, 24, 0); /* a memory of 80 updates */
    for (uint64_t i = 0; i < 2400; i++)
        assert_true((recipe_average(&r, i) > 0) == (i % 8 == 7));
    close_to(recipe_average(&r, 7), 1);
    close_to(recipe_average(&r, 15), 0.5);
    close_to(recipe_average(&r, 2399), 1 - exp(-0.1));
    recipe_init(&r, 0.05, 5, 6, 0); /* a memory of one update */
    close_to(recipe_average(&r, 0), 1);
    close_to(recipe_average(&r, 29), 1 - exp(-1));
}

static void rate_follows_a_change_of_plan(void **state)
{
    (void)state;
    struct recipe r, planned;
    recipe_init(&r, 0.01, 100, 4, 0);
    recipe_init(&planned, 0.01, 100, 0, 250);
    recipe_set_iterations(&r, 250);
    for (uint64_t i = 0; i < 260; i++)
        close_to(recipe_rate(&r, i), recipe_rate(&planned, i));
}

/* A test part as large as a third of the training part takes a ninth of the
 * time of an epoch. The last epoch is always evaluated. */
static void large_test_parts_are_seldom_evaluated(void **state)
{
    (void)state;
    struct recipe r;
    recipe_init(&r, 0.01, 5, 10, 0);
    recipe_set_rhythm(&r, 80, 20);
    for (uint64_t epoch = 1; epoch <= 10; epoch++)
        assert_true(recipe_evaluates(&r, epoch));
    assert_int_equal(recipe_evaluations_left(&r, 0), 10);
    assert_int_equal(recipe_evaluations_left(&r, 9), 1);
    recipe_set_rhythm(&r, 100, 100);
    assert_int_equal(r.rhythm, 4);
    for (uint64_t epoch = 1; epoch <= 10; epoch++)
        assert_true(recipe_evaluates(&r, epoch) ==
                    (epoch == 4 || epoch == 8 || epoch == 10));
    assert_int_equal(recipe_evaluations_left(&r, 0), 3);
    assert_int_equal(recipe_evaluations_left(&r, 4), 2);
    assert_int_equal(recipe_evaluations_left(&r, 9), 1);
    assert_int_equal(recipe_evaluations_left(&r, 10), 0);
}

static void one_update_is_made_at_the_peak(void **state)
{
    (void)state;
    struct recipe r;
    recipe_init(&r, 0.1, 1, 1, 0);
    close_to(recipe_rate(&r, 0), 0.1);
    close_to(recipe_rate(&r, 1), 0);
}

static void iterations_take_the_place_of_epochs(void **state)
{
    (void)state;
    struct recipe r;
    recipe_init(&r, 0.05, 63, 30, 100);
    assert_int_equal(recipe_epochs(&r), 2);
    assert_int_equal(recipe_epoch_steps(&r, 0), 63);
    assert_int_equal(recipe_epoch_steps(&r, 1), 37);
    assert_int_equal(recipe_epoch_steps(&r, 2), 0);
    assert_int_equal(recipe_evaluations_left(&r, 0), 2);
    assert_int_equal(recipe_evaluations_left(&r, 2), 0);
    assert_int_equal(recipe_evaluations_left(&r, 7), 0);
}

static void whole_epochs_are_not_cut(void **state)
{
    (void)state;
    struct recipe r;
    recipe_init(&r, 0.05, 10, 3, 0);
    assert_int_equal(recipe_epochs(&r), 3);
    for (uint64_t e = 0; e < 3; e++)
        assert_int_equal(recipe_epoch_steps(&r, e), 10);
    recipe_init(&r, 0.05, 10, 3, 20);
    assert_int_equal(recipe_epochs(&r), 2);
    assert_int_equal(recipe_epoch_steps(&r, 1), 10);
}

static void small_classes_weigh_more(void **state)
{
    static const int even[] = {7, 7, 7}, uneven[] = {400, 100, 1, 25};
    float w[4];
    double mean = 0;

    (void)state;
    recipe_class_weights(even, 3, w);
    for (int i = 0; i < 3; i++)
        assert_true(fabsf(w[i] - 1) < 1e-6f);
    recipe_class_weights(uneven, 4, w);
    for (int i = 0; i < 4; i++)
        mean += (double)w[i] * uneven[i] / 526;
    assert_true(fabs(mean - 1) < 1e-6);
    assert_true(fabsf(w[1] / w[0] - sqrtf(2)) < 1e-5f);
    assert_true(fabsf(w[2] / w[0] - sqrtf(20)) < 1e-4f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_rises_stays_and_falls),
        cmocka_unit_test(rate_follows_a_change_of_plan),
        cmocka_unit_test(large_test_parts_are_seldom_evaluated),
        cmocka_unit_test(average_begins_with_the_weights),
        cmocka_unit_test(one_update_is_made_at_the_peak),
        cmocka_unit_test(iterations_take_the_place_of_epochs),
        cmocka_unit_test(whole_epochs_are_not_cut),
        cmocka_unit_test(small_classes_weigh_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
