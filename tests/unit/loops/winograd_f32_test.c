/* not under: thread (it is all OpenMP)
 *
 * winograd_f32.h against naive convolutions in double: with sides where a tile
 * hangs over the edge, with fewer tiles than threads, with more tiles than a
 * thread takes at once, and with more outputs than the transformed kernel has
 * room for. */
#include "trainer/loops/winograd_f32.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK = 8 };
#include "tests/unit/loops/blocks.h"

/* The error that is allowed, relative to the root mean square of the results.
 */
#define RELATIVE 6e-6
/* Elements that are compared, of shapes that have many more. */
enum { SAMPLES = 5000 };

static const struct shape shapes[] = {
    {1, 16, 16, 1},   {3, 16, 48, 2},     {2, 48, 16, 3},   {5, 96, 32, 4},
    {1, 64, 64, 7},   {2, 32, 96, 8},     {3, 64, 32, 9},   {1, 32, 32, 31},
    {1, 256, 80, 6},  {70, 32, 32, 4},    {150, 16, 16, 3}, {2, 16, 512, 5},
    {9, 512, 256, 8}, {100, 512, 160, 4}, {70, 80, 832, 4}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static float *room(size_t size)
{
    float *p = aligned_alloc(64, (size + 63) / 64 * 64);

    assert_non_null(p);
    memset(p, 0xff, size); /* NaNs, which would be seen in any sum */
    return p;
}

static float *floats(size_t count, float scale, uint32_t seed)
{
    float *v = room(count * sizeof *v);

    for (size_t i = 0; i < count; i++)
        v[i] = noise(&seed) * scale;
    return v;
}

static double activation(const float *v, ptrdiff_t at)
{
    return at < 0 ? 0 : (double)v[at];
}

/* A convolution and what it needs. */
struct trial {
    struct shape s;
    struct winograd_f32 w;
    float *before; /* what the result held before */
};

static void trial_open(struct trial *t, const struct shape *s, bool back,
                       bool fused)
{
    size_t results = activation_count(s, s->out) * sizeof(float);

    *t = (struct trial){.s = *s};
    t->before = floats(activation_count(s, s->out), 1, 3);
    t->w = (struct winograd_f32){
        .n = s->n,
        .in = s->in,
        .out = s->out,
        .side = s->side,
        .source = floats(activation_count(s, s->in), 1, 4),
        .kernel = floats(kernel_count(s), sqrtf(1.0f / (float)s->in), 1),
        .back = back,
        .bias = fused ? floats((size_t)s->out, 1, 5) : NULL,
        .sum = fused,
        .relu = fused,
        .form = room(winograd_f32_form(s->in, s->out)),
        .threads = omp_get_max_threads()};
    t->w.result = room(results);
    if (fused)
        memcpy(t->w.result, t->before, results);
    t->w.work = room(winograd_f32_work(&t->w));
}

static void trial_close(struct trial *t)
{
    free((void *)t->w.source);
    free((void *)t->w.kernel);
    free((void *)t->w.bias);
    free(t->w.result);
    free(t->w.form);
    free(t->w.work);
    free(t->before);
}

/* One product of the sum: on the way back, the kernel is turned by 180 degrees,
 * and its outputs are the source's channels. */
static double product(const struct trial *t, int n, int out, int y, int x,
                      int in, int tap)
{
    const struct shape *s = &t->s;
    ptrdiff_t at =
        activation_at(s, s->in, n, in, y + tap / 3 - 1, x + tap % 3 - 1);
    size_t k = t->w.back ? kernel_at(s->out, in, out, TAPS - 1 - tap)
                         : kernel_at(s->in, out, in, tap);
    return (double)t->w.kernel[k] * activation(t->w.source, at);
}

static double expected(const struct trial *t, int n, int out, int y, int x)
{
    const struct shape *s = &t->s;
    double sum = 0;

    for (int in = 0; in < s->in; in++)
        for (int tap = 0; tap < TAPS; tap++)
            sum += product(t, n, out, y, x, in, tap);
    if (t->w.bias)
        sum += (double)t->w.bias[out];
    if (t->w.sum)
        sum += activation(t->before, activation_at(s, s->out, n, out, y, x));
    return t->w.relu && sum < 0 ? 0 : sum;
}

static void trial_check(const struct trial *t)
{
    const struct shape *s = &t->s;
    int all = s->n * s->out * s->side * s->side;
    int step = all > SAMPLES ? all / SAMPLES | 1 : 1;
    struct errors e = {0};

    for (int i = 0; i < all; i += step) {
        int x = i % s->side, y = i / s->side % s->side;
        int out = i / s->side / s->side % s->out;
        int n = i / s->side / s->side / s->out;
        errors_add(
            &e, activation(t->w.result, activation_at(s, s->out, n, out, y, x)),
            expected(t, n, out, y, x));
    }
    are_small(&e, RELATIVE);
}

static void need(void)
{
    if (!winograd_f32_fits(32, 32, 8))
        skip(); /* this processor has no AVX2 */
}

static void check_all(bool back, bool fused)
{
    need();
    for (int i = 0; i < SHAPES; i++) {
        struct trial t;
        trial_open(&t, &shapes[i], back, fused);
        winograd_f32(&t.w);
        trial_check(&t);
        trial_close(&t);
    }
}

static void is_a_convolution(void **state)
{
    (void)state;
    check_all(false, false);
}

static void adds_what_is_fused(void **state)
{
    (void)state;
    check_all(false, true);
}

static void is_the_sources_gradient(void **state)
{
    (void)state;
    check_all(true, false);
}

/* The gradient of a kernel */

struct gradient {
    struct shape s;
    struct winograd_f32_gradient g;
};

static void gradient_open(struct gradient *t, const struct shape *s)
{
    struct winograd_f32_gradient *g = &t->g;

    t->s = *s;
    *g = (struct winograd_f32_gradient){
        .n = s->n,
        .in = s->in,
        .out = s->out,
        .side = s->side,
        .source = floats(activation_count(s, s->in), 1, 7),
        .d_result = floats(activation_count(s, s->out), 1, 8),
        .d_kernel = room(kernel_count(s) * sizeof(float)),
        .form = room(winograd_f32_form(s->in, s->out)),
    };
    g->work = room(winograd_f32_gradient_work(g));
}

static void gradient_close(struct gradient *t)
{
    free((void *)t->g.source);
    free((void *)t->g.d_result);
    free(t->g.d_kernel);
    free(t->g.form);
    free(t->g.work);
}

static double expected_gradient(const struct gradient *t, int out, int in,
                                int tap)
{
    const struct shape *s = &t->s;
    double sum = 0;

    for (int i = 0; i < s->n * s->side * s->side; i++) {
        int x = i % s->side, y = i / s->side % s->side;
        int n = i / s->side / s->side;
        ptrdiff_t from =
            activation_at(s, s->in, n, in, y + tap / 3 - 1, x + tap % 3 - 1);
        sum +=
            activation(t->g.source, from) *
            activation(t->g.d_result, activation_at(s, s->out, n, out, y, x));
    }
    return sum;
}

static void gradient_check(const struct gradient *t)
{
    const struct shape *s = &t->s;
    int all = s->out * s->in * TAPS;
    int step = all > SAMPLES ? all / SAMPLES | 1 : 1;
    struct errors e = {0};

    for (int i = 0; i < all; i += step) {
        int tap = i % TAPS, in = i / TAPS % s->in, out = i / TAPS / s->in;
        errors_add(&e, (double)t->g.d_kernel[kernel_at(s->in, out, in, tap)],
                   expected_gradient(t, out, in, tap));
    }
    are_small(&e, RELATIVE);
}

static void is_the_kernels_gradient(void **state)
{
    (void)state;
    need();
    for (int i = 0; i < SHAPES; i++) {
        struct gradient t;
        gradient_open(&t, &shapes[i]);
        winograd_f32_gradient(&t.g);
        gradient_check(&t);
        gradient_close(&t);
    }
}

static void a_nan_stays_one(void **state)
{
    static const struct shape s = {1, 32, 32, 4};
    struct trial t;

    (void)state;
    need();
    trial_open(&t, &s, false, true);
    ((float *)t.w.source)[activation_at(&s, 32, 0, 5, 1, 2)] = NAN;
    winograd_f32(&t.w);
    assert_true(isnan(t.w.result[activation_at(&s, 32, 0, 9, 1, 2)]));
    trial_close(&t);
}

/* A picture's result is the same alone and among others. */
static void a_batch_changes_no_bit(void **state)
{
    (void)state;
    need();
    for (int i = 0; i < SHAPES; i++) {
        struct trial t;
        trial_open(&t, &shapes[i], false, false);
        size_t source = activation_count(&t.s, t.s.in) / (size_t)t.s.n;
        size_t result = activation_count(&t.s, t.s.out) / (size_t)t.s.n;
        float *together = t.w.result, *alone = room(result * sizeof(float));
        winograd_f32(&t.w);
        t.w.n = 1;
        t.w.result = alone;
        for (int k = 0; k < t.s.n; k++, t.w.source += source) {
            winograd_f32(&t.w);
            assert_memory_equal(alone, together + (size_t)k * result,
                                result * sizeof(float));
        }
        t.w.source -= source * (size_t)t.s.n;
        t.w.result = together;
        free(alone);
        trial_close(&t);
    }
}

static void threads_change_no_bit_of(const struct shape *s, bool back)
{
    size_t size = activation_count(s, s->out) * sizeof(float);
    size_t kernel = kernel_count(s) * sizeof(float);
    struct trial one, other;
    struct gradient g, other_g;

    omp_set_num_threads(1);
    trial_open(&one, s, back, true);
    gradient_open(&g, s);
    winograd_f32(&one.w);
    winograd_f32_gradient(&g.g);
    for (int k = 2; k <= 5; k++) {
        omp_set_num_threads(k);
        trial_open(&other, s, back, true);
        gradient_open(&other_g, s);
        winograd_f32(&other.w);
        winograd_f32_gradient(&other_g.g);
        assert_memory_equal(one.w.result, other.w.result, size);
        assert_memory_equal(g.g.d_kernel, other_g.g.d_kernel, kernel);
        trial_close(&other);
        gradient_close(&other_g);
    }
    trial_close(&one);
    gradient_close(&g);
}

static void threads_change_no_bit(void **state)
{
    int threads = omp_get_max_threads();

    (void)state;
    need();
    for (int i = 0; i < SHAPES; i++)
        threads_change_no_bit_of(&shapes[i], i % 2);
    omp_set_num_threads(threads);
}

/* Buffers of a full batch are enough for smaller ones. */
static void smaller_batches_need_no_more(void **state)
{
    (void)state;
    for (int side = 3; side < 60; side += 6)
        for (int in = 16; in <= 512; in *= 2)
            for (int n = 2; n <= 64; n++) {
                struct winograd_f32 w = {
                    .n = n, .in = in, .out = 64, .side = side, .threads = 3};
                struct winograd_f32 less = w;
                struct winograd_f32_gradient g = {
                    .n = n, .in = in, .out = 64, .side = side};
                struct winograd_f32_gradient less_g = g;
                less.n--, less_g.n--;
                assert_true(winograd_f32_work(&less) <= winograd_f32_work(&w));
                assert_true(winograd_f32_gradient_work(&less_g) <=
                            winograd_f32_gradient_work(&g));
            }
}

static void what_fits(void **state)
{
    (void)state;
    assert_false(winograd_f32_fits(3, 64, 32));
    assert_false(winograd_f32_fits(64, 24, 32));
    assert_false(winograd_f32_fits(64, 64, 1));
    assert_false(winograd_f32_fits(256, 256, 2));
    need();
    assert_true(winograd_f32_fits(512, 512, 7));
    assert_true(winograd_f32_fits(128, 128, 4));
    assert_true(winograd_f32_fits(64, 64, 56));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_convolution),
        cmocka_unit_test(adds_what_is_fused),
        cmocka_unit_test(is_the_sources_gradient),
        cmocka_unit_test(is_the_kernels_gradient),
        cmocka_unit_test(a_nan_stays_one),
        cmocka_unit_test(a_batch_changes_no_bit),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(smaller_batches_need_no_more),
        cmocka_unit_test(what_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
