/* optimizer.h against torch.optim.SGD's rule, one value at a time in double. */
#include "trainer/net/optimizer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 50021, STEPS = 4 }; /* not a multiple of what a thread takes */

static float gradient_at(size_t i, int step)
{
    return sinf((float)i * 0.37f + (float)step);
}

static double naive(size_t i, const struct optimizer_rule *rule)
{
    double value = (double)cosf((float)i), momentum = 0;

    for (int step = 0; step < STEPS; step++) {
        double g =
            (double)gradient_at(i, step) + (double)rule->weight_decay * value;
        momentum = (double)rule->momentum * momentum + g;
        g += (double)rule->momentum * momentum; /* Nesterov's momentum */
        value -= (double)rule->learning_rate * g;
    }
    return value;
}

static void is_nesterovs(void **state)
{
    static const struct optimizer_rule rules[] = {
        {0.1f, 0.9f, 0.01f}, {0.1f, 0, 0}, {0.05f, 0.5f, 0}, {0, 0.9f, 0.1f}};
    float *value = malloc(COUNT * sizeof *value);
    float *momentum = malloc(COUNT * sizeof *momentum);
    float *gradient = malloc(COUNT * sizeof *gradient);

    (void)state;
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        memset(momentum, 0, COUNT * sizeof *momentum);
        for (size_t i = 0; i < COUNT; i++)
            value[i] = cosf((float)i);
        for (int step = 0; step < STEPS; step++) {
            for (size_t i = 0; i < COUNT; i++)
                gradient[i] = gradient_at(i, step);
            optimizer_step(&rules[r], value, momentum, gradient, COUNT);
        }
        for (size_t i = 0; i < COUNT; i++)
            assert_true(fabs((double)value[i] - naive(i, &rules[r])) < 1e-6);
    }
    free(value);
    free(momentum);
    free(gradient);
}

static void average_follows(void **state)
{
    float *value = malloc(COUNT * sizeof *value);
    float *average = malloc(COUNT * sizeof *average);

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        value[i] = cosf((float)i);
        average[i] = sinf((float)i);
    }
    optimizer_average(average, value, COUNT, 0.25f);
    for (size_t i = 0; i < COUNT; i++)
        assert_float_equal(average[i],
                           0.75f * sinf((float)i) + 0.25f * value[i], 1e-6);
    optimizer_average(average, value, COUNT, 1);
    for (size_t i = 0; i < COUNT; i++)
        assert_float_equal(average[i], value[i], 1e-6);
    free(value);
    free(average);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_nesterovs),
        cmocka_unit_test(average_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
