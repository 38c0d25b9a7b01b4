#include "trainer/training/pace.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct course {
    struct pace pace;
    struct recipe recipe;
    struct position at;
};

static void begin(struct course *c)
{
    pace_init(&c->pace);
    position_init(&c->at);
    recipe_init(&c->recipe, 0.05, 50, 4, 0);
}

static void updates(struct course *c, int count, double seconds)
{
    for (int i = 0; i < count; i++) {
        pace_update(&c->pace, &c->at, seconds, 16, 2.0);
        c->at.iteration++;
        c->at.step++;
    }
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * fabs(want)))
        fail_msg("%.17g instead of %.17g", got, want);
}

static void nothing_is_known_at_first(void **state)
{
    (void)state;
    struct course c;
    struct progress p;
    begin(&c);
    updates(&c, 2, 5); /* the first updates are slow and do not count */
    pace_progress(&c.pace, &c.recipe, &c.at, &p);
    assert_true(isnan(p.eta));
    assert_true(isnan(p.average_precision));
    assert_int_equal(p.iterations, 200);
    assert_int_equal(p.epochs, 4);
}

static void time_left_counts_all_that_is_to_come(void **state)
{
    (void)state;
    struct course c;
    begin(&c);
    updates(&c, 2, 5);
    updates(&c, 48, 0.1);
    near(pace_left(&c.pace, &c.recipe, &c.at), 150 * 0.1);
    pace_evaluation(&c.at, 3);
    c.at.epoch = 1;
    near(pace_left(&c.pace, &c.recipe, &c.at), 150 * 0.1 + 3 * 3);
    /* there is one at the end and one for the export */
    c.pace.checkpoint_seconds = 0.5;
    near(pace_left(&c.pace, &c.recipe, &c.at), 150 * 0.1 + 3 * 3 + 2 * 0.5);
}

/* In 33 seconds: evaluations of 3 seconds after each 50 updates of 0.1 seconds,
 * and one more at the end. */
static void updates_fill_the_time(void **state)
{
    (void)state;
    struct course c;
    begin(&c);
    assert_int_equal(pace_fit(&c.pace, &c.recipe, &c.at, 33), 0);
    updates(&c, 2, 5);
    updates(&c, 48, 0.1);
    assert_int_equal(pace_fit(&c.pace, &c.recipe, &c.at, 33.01), 50 + 330);
    pace_evaluation(&c.at, 3);
    assert_int_equal(pace_fit(&c.pace, &c.recipe, &c.at, 33.01),
                     50 + (33 - 3) / 0.16);
    assert_int_equal(pace_fit(&c.pace, &c.recipe, &c.at, -1), 50);
}

static void time_left_follows_a_change_of_pace(void **state)
{
    (void)state;
    struct course c;
    begin(&c);
    recipe_init(&c.recipe, 0.05, 5000, 1, 0);
    updates(&c, 100, 0.1);
    updates(&c, 900, 0.2);
    double left = pace_left(&c.pace, &c.recipe, &c.at);
    assert_true(fabs(left - 4000 * 0.2) < 4000 * 0.2 * 0.01);
}

static void a_row_is_a_mean_since_the_one_before(void **state)
{
    (void)state;
    struct course c;
    struct metrics_row row;
    begin(&c);
    updates(&c, 25, 0.1);
    pace_row(&c.pace, &c.recipe, &c.at, &row);
    near(row.epoch, 0.5);
    near(row.train_loss, 2);
    near(row.images_per_second, 160);
    assert_int_equal(row.iteration, 25);
    pace_row_clear(&c.at);
    pace_update(&c.pace, &c.at, 0.2, 16, 1.0);
    pace_row(&c.pace, &c.recipe, &c.at, &row);
    near(row.train_loss, 1);
    near(row.images_per_second, 80);
}

/* The training was stopped between an epoch's last update and its
 * evaluation. */
static void a_row_of_another_process_has_its_rate(void **state)
{
    (void)state;
    struct course c;
    struct metrics_row row;
    begin(&c);
    updates(&c, 50, 0.1);
    c.at.rate_scale = 0.5;
    pace_init(&c.pace);
    pace_row(&c.pace, &c.recipe, &c.at, &row);
    near(row.learning_rate, 0.5 * recipe_rate(&c.recipe, 49));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_first),
        cmocka_unit_test(time_left_counts_all_that_is_to_come),
        cmocka_unit_test(updates_fill_the_time),
        cmocka_unit_test(time_left_follows_a_change_of_pace),
        cmocka_unit_test(a_row_is_a_mean_since_the_one_before),
        cmocka_unit_test(a_row_of_another_process_has_its_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
