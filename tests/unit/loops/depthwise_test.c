/* not under: thread (it is all OpenMP)
 *
 * depthwise.h against a naive convolution in double, in all layouts. */
#include "trainer/loops/depthwise.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* n, channels, side, kernel, stride, pad, block */
static const int shapes[][7] = {
    {1, 8, 1, 5, 1, 2, 8},   {3, 16, 1, 5, 2, 2, 8},   {2, 24, 2, 5, 2, 2, 8},
    {2, 32, 7, 5, 1, 2, 16}, {1, 16, 14, 5, 2, 2, 16}, {2, 24, 13, 3, 1, 1, 24},
    {3, 8, 17, 3, 2, 1, 8},  {1, 16, 20, 3, 2, 1, 16}, {2, 8, 9, 7, 3, 3, 8},
    {1, 8, 6, 4, 2, 1, 8},   {1, 8, 12, 3, 1, 0, 8},   {5, 16, 4, 1, 1, 0, 8},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* A problem with its arrays in f32, and the reference's results. */
struct problem {
    struct depthwise q;
    size_t sources, results, weights;
    float *source, *d_result, *kernel, *bias;
    double *result, *d_source, *d_weights;
};

static void *array(size_t count, size_t size)
{
    void *p = aligned_alloc(64, (count * size + 63) / 64 * 64);

    assert_non_null(p);
    return memset(p, 0, (count * size + 63) / 64 * 64);
}

/* A float whose lower half is 0, so that bf16 holds it exactly. */
static float number(size_t i, float frequency)
{
    float v = sinf((float)i * frequency) + 0.3f * cosf((float)i * 5.7f);
    uint32_t bits;

    memcpy(&bits, &v, 4);
    bits &= 0xffff0000;
    memcpy(&v, &bits, 4);
    return v;
}

static float *numbers(size_t count, float frequency)
{
    float *v = array(count, 4);

    for (size_t i = 0; i < count; i++)
        v[i] = number(i, frequency);
    return v;
}

static void problem_open(struct problem *p, const int s[7], bool bf16,
                         enum activation by)
{
    struct depthwise q = {.n = s[0],
                          .channels = s[1],
                          .side = s[2],
                          .result_side = (s[2] + 2 * s[5] - s[3]) / s[4] + 1,
                          .kernel = s[3],
                          .stride = s[4],
                          .pad = s[5],
                          .block = s[6],
                          .bf16 = bf16,
                          .activation = by,
                          .threads = omp_get_max_threads()};

    *p = (struct problem){.q = q};
    p->sources = (size_t)q.n * q.channels * q.side * q.side;
    p->results = (size_t)q.n * q.channels * q.result_side * q.result_side;
    p->weights = (size_t)q.channels * q.kernel * q.kernel;
    p->source = numbers(p->sources, 0.71f);
    p->d_result = numbers(p->results, 1.13f);
    p->kernel = numbers(p->weights, 0.37f);
    p->bias = numbers((size_t)q.channels, 0.9f);
    p->result = array(p->results, 8);
    p->d_source = array(p->sources, 8);
    p->d_weights = array(p->weights, 8);
}

static void problem_release(struct problem *p)
{
    free(p->source), free(p->d_result), free(p->kernel), free(p->bias);
    free(p->result), free(p->d_source), free(p->d_weights);
}

static size_t element(const struct depthwise *q, int picture, int channel,
                      int pixels, int pixel)
{
    size_t plane = (size_t)picture * (size_t)(q->channels / q->block) +
                   (size_t)(channel / q->block);

    return (plane * (size_t)pixels + (size_t)pixel) * (size_t)q->block +
           (size_t)(channel % q->block);
}

static double activated(double v, enum activation by)
{
    if (by == ACTIVATION_RELU)
        return v > 0 ? v : 0;
    return by == ACTIVATION_HARD_SWISH ? v * fmin(fmax(v / 6 + 0.5, 0), 1) : v;
}

/* One result of one channel, and what it gives to the gradients. */
static void naive_result(struct problem *p, int n, int channel, int y, int x)
{
    const struct depthwise *q = &p->q;
    size_t at = element(q, n, channel, q->result_side * q->result_side,
                        y * q->result_side + x);
    double sum = (double)p->bias[channel];

    for (int i = 0; i < q->kernel; i++)
        for (int j = 0; j < q->kernel; j++) {
            int v = y * q->stride + i - q->pad, u = x * q->stride + j - q->pad;
            if (v < 0 || v >= q->side || u < 0 || u >= q->side)
                continue;
            size_t from =
                element(q, n, channel, q->side * q->side, v * q->side + u);
            size_t tap = element(q, 0, channel, q->kernel * q->kernel,
                                 i * q->kernel + j);
            sum += (double)p->source[from] * (double)p->kernel[tap];
            p->d_source[from] +=
                (double)p->d_result[at] * (double)p->kernel[tap];
            p->d_weights[tap] +=
                (double)p->d_result[at] * (double)p->source[from];
        }
    p->result[at] = activated(sum, q->activation);
}

static void naive(struct problem *p)
{
    const struct depthwise *q = &p->q;

    for (int n = 0; n < q->n; n++)
        for (int c = 0; c < q->channels; c++)
            for (int y = 0; y < q->result_side; y++)
                for (int x = 0; x < q->result_side; x++)
                    naive_result(p, n, c, y, x);
}

static void *packed(const float *values, size_t count, bool bf16)
{
    uint16_t *half = array(count, bf16 ? 2 : 4);

    if (!bf16)
        return memcpy(half, values, count * 4);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], 4);
        half[i] = (uint16_t)(bits >> 16);
    }
    return half;
}

static void assert_array(const void *got, const double *want, size_t count,
                         bool bf16)
{
    for (size_t i = 0; i < count; i++) {
        double v, bound = bf16 ? 8e-3 : 2e-5;
        if (bf16) {
            uint32_t bits = (uint32_t)((const uint16_t *)got)[i] << 16;
            float f;
            memcpy(&f, &bits, 4);
            v = (double)f;
        } else {
            v = (double)((const float *)got)[i];
        }
        if (!(fabs(v - want[i]) <= bound * (1 + fabs(want[i]))))
            fail_msg("%zu: %.9g is not %.9g", i, v, want[i]);
    }
}

static void check(struct problem *p)
{
    struct depthwise q = p->q;
    void *source = packed(p->source, p->sources, q.bf16);
    void *d_result = packed(p->d_result, p->results, q.bf16);

    q.source = source;
    q.d_result = d_result;
    q.weights = p->kernel;
    q.bias = p->bias;
    q.result = array(p->results, 4);
    q.d_source = array(p->sources, 4);
    q.d_weights = array(p->weights, 4);
    q.work = array(depthwise_work(&q), 4);
    memset(q.work, 0xff, depthwise_work(&q) * 4); /* NaN */
    depthwise_forward(&q);
    assert_array(q.result, p->result, p->results, q.bf16);
    depthwise_back_source(&q);
    assert_array(q.d_source, p->d_source, p->sources, q.bf16);
    depthwise_back_weights(&q);
    assert_array(q.d_weights, p->d_weights, p->weights, false);
    free(source), free(d_result), free(q.result), free(q.d_source);
    free(q.d_weights), free(q.work);
}

static void agrees_with_the_reference(void **state)
{
    static const enum activation by[] = {ACTIVATION_NONE, ACTIVATION_RELU,
                                         ACTIVATION_HARD_SWISH};

    (void)state;
    for (int i = 0; i < 6 * SHAPES; i++) {
        struct problem p;
        omp_set_num_threads(1 + i % 3);
        problem_open(&p, shapes[i % SHAPES], i / SHAPES % 2,
                     by[i / SHAPES % 3]);
        naive(&p);
        check(&p);
        problem_release(&p);
    }
}

/* The gradient of a kernel sums over pictures, in the same order always. */
static void threads_do_not_show(void **state)
{
    float *got[2];
    struct problem p;

    (void)state;
    for (int i = 0; i < 2; i++) {
        omp_set_num_threads(1 + 2 * i);
        problem_open(&p, shapes[6], false, ACTIVATION_NONE);
        struct depthwise q = p.q;
        q.source = p.source;
        q.d_result = p.d_result;
        q.weights = p.kernel;
        q.d_weights = got[i] = array(p.weights, 4);
        q.work = array(depthwise_work(&q), 4);
        depthwise_back_weights(&q);
        free(q.work);
        problem_release(&p);
    }
    assert_memory_equal(got[0], got[1], p.weights * 4);
    free(got[0]), free(got[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_reference),
        cmocka_unit_test(threads_do_not_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
