/* loss.h against its definition, computed naively, and its gradient against
 * differences of the loss. */
#include "trainer/net/loss.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { N = 3, CLASSES = 4 };

static const float logits[N * CLASSES] = {0.5f, -1, 2,  0.1f, 3, 3,
                                          3,    3,  -7, 4,    1, 0.25f};
static const int labels[N] = {2, 0, 1};

static const float weights[CLASSES] = {0.25f, 2, 1, 7};

/* The mean over the rows of -sum target * log softmax, weighted or not. */
static double naive(const float *x, double smoothing, const float *weight)
{
    double loss = 0;

    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++)
            sum += exp((double)x[i * CLASSES + k]);
        for (int k = 0; k < CLASSES; k++) {
            double target =
                smoothing / CLASSES + (k == labels[i] ? 1 - smoothing : 0);
            loss -= (weight ? (double)weight[labels[i]] : 1) * target *
                    log(exp((double)x[i * CLASSES + k]) / sum) / N;
        }
    }
    return loss;
}

static void is_its_definition(void **state)
{
    float gradient[N * CLASSES];

    (void)state;
    for (float s = 0; s <= 1; s += 0.25f) {
        struct loss plain = {CLASSES, s, NULL},
                    weighted = {CLASSES, s, weights};
        float loss = loss_gradient(&plain, logits, labels, N, gradient);
        assert_true(fabs((double)loss - naive(logits, (double)s, NULL)) < 1e-6);
        loss = loss_gradient(&weighted, logits, labels, N, gradient);
        assert_true(fabs((double)loss - naive(logits, (double)s, weights)) <
                    1e-6);
    }
}

static void gradient_is_the_slope(void **state)
{
    float gradient[N * CLASSES], x[N * CLASSES];

    (void)state;
    struct loss by = {CLASSES, 0.1f, weights};
    loss_gradient(&by, logits, labels, N, gradient);
    for (int i = 0; i < N * CLASSES; i++) {
        for (int k = 0; k < N * CLASSES; k++)
            x[k] = logits[k];
        x[i] = logits[i] + 1.0f / 256;
        double up = naive(x, 0.1, weights);
        x[i] = logits[i] - 1.0f / 256;
        double slope = (up - naive(x, 0.1, weights)) * 128;
        assert_true(fabs((double)gradient[i] - slope) < 1e-5);
    }
}

/* The sum of the probabilities is 1 and of each row's gradient 0, at any
 * size of the logits. */
static void large_logits(void **state)
{
    static const float large[2 * 2] = {1e4f, -1e4f, 3e38f, 3e38f};
    struct loss two = {2, 0, NULL};
    float p[4], gradient[4];

    (void)state;
    loss_softmax(large, 2, 2, p);
    assert_true(p[0] == 1 && p[1] == 0 && p[2] == 0.5f && p[3] == 0.5f);
    float loss = loss_gradient(&two, large, (int[]){0, 1}, 2, gradient);
    assert_true(fabsf(loss - logf(2) / 2) < 1e-6f);
    assert_true(gradient[2] + gradient[3] == 0);
}

static void not_finite_shows(void **state)
{
    struct loss two = {2, 0.1f, NULL};
    float gradient[2];

    (void)state;
    assert_false(isfinite(
        loss_gradient(&two, (float[]){NAN, 0}, (int[]){1}, 1, gradient)));
    assert_false(isfinite(
        loss_gradient(&two, (float[]){INFINITY, 0}, (int[]){1}, 1, gradient)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_its_definition),
        cmocka_unit_test(gradient_is_the_slope),
        cmocka_unit_test(large_logits),
        cmocka_unit_test(not_finite_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
