/* choice.h: when earlier weights are better beyond chance. */
#include "trainer/evaluation/choice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { COUNT = 40 };

static void truths_are_picked(void **state)
{
    (void)state;
    const float scores[] = {0.1f, 0.9f, 0.6f, 0.4f};
    const int labels[] = {1, 1};
    float truths[2];
    choice_truths(scores, labels, 2, 2, truths);
    assert_true(truths[0] == 0.9f && truths[1] == 0.4f);
    assert_true(choice_mean(truths, 2) > 0.649 &&
                choice_mean(truths, 2) < 0.651);
}

static void fill(float *truths, float even, float odd)
{
    for (int i = 0; i < COUNT; i++)
        truths[i] = i % 2 ? odd : even;
}

static void a_decline_of_all_pictures_counts(void **state)
{
    (void)state;
    float record[COUNT], now[COUNT];
    fill(record, 0.9f, 0.5f);
    fill(now, 0.8f, 0.4f);
    assert_true(choice_is_worse(now, record, COUNT));
    assert_false(choice_is_worse(record, now, COUNT));
    assert_false(choice_is_worse(record, record, COUNT));
}

/* Half of the pictures gain nearly as much as the others lose. */
static void what_may_be_chance_does_not(void **state)
{
    (void)state;
    float record[COUNT], now[COUNT];
    fill(record, 0.5f, 0.5f);
    fill(now, 0.1f, 0.85f);
    assert_false(choice_is_worse(now, record, COUNT));
    fill(now, 0.1f, 0.45f);
    assert_true(choice_is_worse(now, record, COUNT));
}

static void one_picture_can_be_judged(void **state)
{
    (void)state;
    const float record[] = {0.9f}, now[] = {0.2f};
    assert_true(choice_is_worse(now, record, 1));
    assert_false(choice_is_worse(record, now, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truths_are_picked),
        cmocka_unit_test(a_decline_of_all_pictures_counts),
        cmocka_unit_test(what_may_be_chance_does_not),
        cmocka_unit_test(one_picture_can_be_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
