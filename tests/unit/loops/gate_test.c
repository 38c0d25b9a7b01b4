/* not under: thread (it is all OpenMP)
 *
 * gate.h and activate.h against naive loops in double, also where the last
 * block of channels is padded. */
#include "trainer/loops/gate.h"

#include "trainer/loops/activate.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 3 };

/* channels, rows, block */
static const int shapes[][3] = {
    {8, 1, 8}, {24, 49, 8}, {24, 7, 16}, {32, 50, 16}, {40, 9, 40}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

struct problem {
    struct gate q;
    int padded;   /* channels of whole blocks */
    size_t count; /* elements with padding */
    void *x, *y, *d_y, *d_x;
    float gates[N * 64], got[N * 64];
};

static float wave(size_t i, float frequency)
{
    float v = sinf((float)i * frequency) + 0.3f;
    uint32_t bits;

    memcpy(&bits, &v, 4);
    bits &= 0xffff0000; /* exact in bf16 */
    memcpy(&v, &bits, 4);
    return v;
}

static void put(void *to, size_t i, float v, bool bf16)
{
    uint32_t bits;

    memcpy(&bits, &v, 4);
    if (bf16)
        ((uint16_t *)to)[i] = (uint16_t)(bits >> 16);
    else
        ((float *)to)[i] = v;
}

static double get(const void *from, size_t i, bool bf16)
{
    float v;

    if (!bf16)
        return (double)((const float *)from)[i];
    uint32_t bits = (uint32_t)((const uint16_t *)from)[i] << 16;
    memcpy(&v, &bits, 4);
    return (double)v;
}

static size_t element(const struct problem *p, int n, int channel, int row)
{
    const struct gate *q = &p->q;
    size_t plane = (size_t)(n * (p->padded / q->block) + channel / q->block);

    return (plane * (size_t)q->rows + (size_t)row) * (size_t)q->block +
           (size_t)(channel % q->block);
}

static void *array(size_t count)
{
    void *p = aligned_alloc(64, (count * 4 + 63) / 64 * 64);

    assert_non_null(p);
    return memset(p, 0, (count * 4 + 63) / 64 * 64);
}

static void problem_open(struct problem *p, const int s[3], bool bf16)
{
    *p = (struct problem){.q = {.n = N,
                                .channels = s[0],
                                .rows = s[1],
                                .block = s[2],
                                .bf16 = bf16}};
    p->padded = (s[0] + s[2] - 1) / s[2] * s[2];
    p->count = (size_t)N * (size_t)p->padded * (size_t)s[1];
    p->x = array(p->count), p->y = array(p->count);
    p->d_y = array(p->count), p->d_x = array(p->count);
    for (int n = 0; n < N; n++)
        for (int c = 0; c < s[0]; c++)
            for (int row = 0; row < s[1]; row++) {
                size_t e = element(p, n, c, row);
                put(p->x, e, wave(e, 0.7f), bf16);
                put(p->d_y, e, wave(e, 1.3f), bf16);
            }
    for (int i = 0; i < N * s[0]; i++)
        p->gates[i] = wave((size_t)i, 0.41f);
    p->q.x = p->x;
}

static void problem_release(struct problem *p)
{
    free(p->x), free(p->y), free(p->d_y), free(p->d_x);
}

static void assert_near(double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound * (1 + fabs(want))))
        fail_msg("%.9g is not %.9g", got, want);
}

/* What all functions made of one channel of one picture. */
static void check_channel(const struct problem *p, const float *means, int n,
                          int c)
{
    const struct gate *q = &p->q;
    int at = n * q->channels + c;
    double sum = 0, product = 0, gate = (double)p->gates[at];
    double bound = q->bf16 ? 1e-2 : 1e-5;

    for (int row = 0; row < q->rows; row++) {
        size_t e = element(p, n, c, row);
        double x = get(p->x, e, q->bf16), g = get(p->d_y, e, q->bf16);
        sum += x;
        product += x * g;
        assert_near(get(p->y, e, q->bf16), x * gate, bound);
        assert_near(get(p->d_x, e, q->bf16), g * gate + gate / q->rows, bound);
    }
    assert_near((double)means[at], sum / q->rows, 1e-5);
    assert_near((double)p->got[at], product, 1e-4);
}

static void check_padding(const struct problem *p)
{
    for (int n = 0; n < N; n++)
        for (int c = p->q.channels; c < p->padded; c++)
            for (int row = 0; row < p->q.rows; row++) {
                size_t e = element(p, n, c, row);
                assert_true(get(p->y, e, p->q.bf16) == 0);
                assert_true(get(p->d_x, e, p->q.bf16) == 0);
            }
}

/* The gradients of the means are the gates here. */
static void gates_agree(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * SHAPES; i++) {
        struct problem p;
        float means[N * 64];
        omp_set_num_threads(1 + i % 3);
        problem_open(&p, shapes[i % SHAPES], i >= SHAPES);
        p.q.values = means;
        gate_mean(&p.q);
        p.q.values = p.gates;
        gate_product(&p.q, p.y);
        gate_product_back(&p.q, p.d_y, p.d_x, p.got);
        gate_mean_back(&p.q, p.d_x);
        for (int n = 0; n < N; n++)
            for (int c = 0; c < p.q.channels; c++)
                check_channel(&p, means, n, c);
        check_padding(&p);
        problem_release(&p);
    }
}

static double activated(double x, enum activation by)
{
    double gate = fmin(fmax(x / 6 + 0.5, 0), 1);

    return by == ACTIVATION_RELU           ? fmax(x, 0)
           : by == ACTIVATION_HARD_SIGMOID ? gate
           : by == ACTIVATION_HARD_SWISH   ? x * gate
                                           : x;
}

/* Gradients are compared with differences, away from the corners. */
static void activations_agree(void **state)
{
    enum { COUNT = 80 };
    float x[COUNT], y[COUNT], g[COUNT];

    (void)state;
    for (int by = ACTIVATION_NONE; by <= ACTIVATION_HARD_SWISH; by++) {
        for (int i = 0; i < COUNT; i++) {
            x[i] = ((float)i - COUNT / 2 + 0.5f) / 8;
            g[i] = 2;
        }
        const struct activate forward = {
            .by = by, .count = COUNT, .x = x, .out = y};
        const struct activate back = {
            .by = by, .count = COUNT, .x = x, .in = g, .out = g};
        activate_forward(&forward);
        activate_backward(&back);
        for (int i = 0; i < COUNT; i++) {
            double v = (double)x[i], step = 1e-3;
            double slope = (activated(v + step, by) - activated(v - step, by)) /
                           (2 * step);
            assert_near((double)y[i], activated(v, by), 1e-6);
            assert_near((double)g[i], 2 * slope, 1e-5);
        }
        x[3] = NAN;
        activate_forward(&forward);
        assert_true(isnan(y[3]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_agree),
        cmocka_unit_test(activations_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
