/* not under: thread (it is all OpenMP)
 *
 * winograd.h against naive convolutions in double, with odd sides, where a
 * tile hangs over the edge, and with more threads than tiles. */
#include "trainer/loops/winograd.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK = 16 };
#include "tests/unit/loops/blocks.h"

/* The error that is allowed, relative to the root mean square of the results:
 * in bf16, where source and kernel are rounded twice, and in f32. */
#define RELATIVE     0.008
#define RELATIVE_F32 1e-6

static const struct shape shapes[] = {
    {1, 32, 32, 1},  {3, 32, 64, 2}, {2, 64, 32, 3}, {5, 96, 32, 4},
    {1, 64, 64, 7},  {2, 32, 96, 8}, {3, 64, 32, 9}, {1, 32, 32, 31},
    {1, 512, 32, 6}, {67, 32, 32, 4}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static float widened(uint16_t v)
{
    uint32_t bits = (uint32_t)v << 16;
    float out;

    memcpy(&out, &bits, sizeof out);
    return out;
}

static void *room(size_t size)
{
    void *p = aligned_alloc(64, (size + 63) / 64 * 64);

    assert_non_null(p);
    memset(p, 0x7f, size); /* values that would be seen in any sum */
    return p;
}

static uint16_t *activations(size_t count, uint32_t seed)
{
    uint16_t *v = room(count * sizeof *v);

    for (size_t i = 0; i < count; i++) {
        float f = noise(&seed);
        memcpy(v + i, (char *)&f + 2, sizeof *v);
    }
    return v;
}

static float *floats(size_t count, float scale, uint32_t seed)
{
    float *v = room(count * sizeof *v);

    for (size_t i = 0; i < count; i++)
        v[i] = noise(&seed) * scale;
    return v;
}

static double activation(const uint16_t *v, ptrdiff_t at)
{
    return at < 0 ? 0 : (double)widened(v[at]);
}

/* Forward */

struct forward {
    struct shape s;
    struct winograd w;
    float *master, *scale;
    uint16_t *before; /* what the result held before */
};

static void kernel_make(struct winograd *w, const struct winograd_kernel *k)
{
    struct winograd_kernel it = *k;

    it.to = room(winograd_kernel_size(k->in, k->out));
    winograd_kernel(&it);
    w->kernel = it.to;
}

static void forward_open(struct forward *f, const struct shape *s, bool fused)
{
    size_t results = activation_count(s, s->out);

    *f = (struct forward){.s = *s};
    f->master = floats(kernel_count(s), sqrtf(1.0f / (float)s->in), 1);
    f->scale = fused ? floats((size_t)s->out, 1, 2) : NULL;
    f->before = activations(results, 3);
    f->w =
        (struct winograd){.n = s->n,
                          .in = s->in,
                          .out = s->out,
                          .side = s->side,
                          .source = activations(activation_count(s, s->in), 4),
                          .bias = fused ? floats((size_t)s->out, 1, 5) : NULL,
                          .sum = fused,
                          .relu = fused,
                          .threads = omp_get_max_threads()};
    f->w.result = room(results * sizeof *f->w.result);
    memcpy(f->w.result, f->before, results * sizeof *f->w.result);
    f->w.work = room(winograd_work(&f->w));
    kernel_make(&f->w, &(struct winograd_kernel){.in = s->in,
                                                 .out = s->out,
                                                 .master = f->master,
                                                 .scale = f->scale});
}

static void forward_close(struct forward *f)
{
    free((void *)f->w.source);
    free((void *)f->w.kernel);
    free((void *)f->w.bias);
    free(f->w.result);
    free(f->w.work);
    free(f->master);
    free(f->scale);
    free(f->before);
}

static double expected(const struct forward *f, int n, int out, int y, int x)
{
    const struct shape *s = &f->s;
    double sum = 0;

    for (int in = 0; in < s->in; in++)
        for (int t = 0; t < TAPS; t++)
            sum += (double)f->master[kernel_at(s->in, out, in, t)] *
                   activation(f->w.source,
                              activation_at(s, s->in, n, in, y + t / 3 - 1,
                                            x + t % 3 - 1));
    if (!f->scale)
        return sum;
    sum = sum * (double)f->scale[out] + (double)f->w.bias[out] +
          activation(f->before, activation_at(s, s->out, n, out, y, x));
    return sum > 0 ? sum : 0;
}

static void forward_check(const struct forward *f)
{
    const struct shape *s = &f->s;
    struct errors e = {0};

    for (int i = 0; i < s->n * s->out * s->side * s->side; i++) {
        int x = i % s->side, y = i / s->side % s->side;
        int out = i / s->side / s->side % s->out;
        int n = i / s->side / s->side / s->out;
        errors_add(
            &e, activation(f->w.result, activation_at(s, s->out, n, out, y, x)),
            expected(f, n, out, y, x));
    }
    are_small(&e, RELATIVE);
}

static void need(bool bf16)
{
    if (!winograd_fits(32, 32, 8, bf16))
        skip(); /* this processor has no bf16, or no AVX-512 */
}

static void is_a_convolution(void **state)
{
    struct forward f;

    (void)state;
    need(true);
    for (int i = 0; i < 2 * SHAPES; i++) {
        forward_open(&f, &shapes[i / 2], i % 2);
        winograd(&f.w);
        forward_check(&f);
        forward_close(&f);
    }
}

static void a_nan_stays_one(void **state)
{
    static const struct shape s = {1, 32, 32, 4};
    struct forward f;

    (void)state;
    need(true);
    forward_open(&f, &s, true);
    ((uint16_t *)f.w.source)[activation_at(&s, 32, 0, 5, 1, 2)] = 0x7fc0;
    winograd(&f.w);
    assert_true(
        isnan(activation(f.w.result, activation_at(&s, 32, 0, 9, 1, 2))));
    forward_close(&f);
}

/* Backward */

static double expected_back(const struct shape *s, const float *master,
                            const uint16_t *d_result, int n, int in, int y,
                            int x)
{
    double sum = 0;

    for (int out = 0; out < s->out; out++)
        for (int t = 0; t < TAPS; t++)
            sum += (double)master[kernel_at(s->in, out, in, t)] *
                   activation(d_result,
                              activation_at(s, s->out, n, out, y + 1 - t / 3,
                                            x + 1 - t % 3));
    return sum;
}

static void back_check(const struct shape *s, const float *master,
                       const uint16_t *d_result, const uint16_t *d_source)
{
    struct errors e = {0};

    for (int i = 0; i < s->n * s->in * s->side * s->side; i++) {
        int x = i % s->side, y = i / s->side % s->side;
        int in = i / s->side / s->side % s->in;
        int n = i / s->side / s->side / s->in;
        errors_add(&e,
                   activation(d_source, activation_at(s, s->in, n, in, y, x)),
                   expected_back(s, master, d_result, n, in, y, x));
    }
    are_small(&e, RELATIVE);
}

static void is_the_sources_gradient(void **state)
{
    (void)state;
    need(true);
    for (int i = 0; i < SHAPES; i++) {
        const struct shape *s = &shapes[i],
                           turned = {s->n, s->out, s->in, s->side};
        struct forward f;
        float *master = floats(kernel_count(s), sqrtf(1.0f / (float)s->out), 6);
        forward_open(&f, &turned, false);
        free((void *)f.w.kernel);
        kernel_make(&f.w, &(struct winograd_kernel){.in = s->in,
                                                    .out = s->out,
                                                    .master = master,
                                                    .back = true});
        winograd(&f.w);
        back_check(s, master, f.w.source, f.w.result);
        forward_close(&f);
        free(master);
    }
}

/* The same numbers in f32. */
static float *widened_all(const uint16_t *v, size_t count)
{
    float *out = room(count * sizeof *out);

    for (size_t i = 0; i < count; i++)
        out[i] = widened(v[i]);
    return out;
}

struct gradient {
    struct shape s;
    struct winograd_gradient g;
    uint16_t *source, *d_result;
};

static void gradient_open(struct gradient *t, const struct shape *s, bool bf16)
{
    size_t in = activation_count(s, s->in), out = activation_count(s, s->out);
    struct winograd_gradient *g = &t->g;

    *t = (struct gradient){
        .s = *s, .source = activations(in, 7), .d_result = activations(out, 8)};
    *g = (struct winograd_gradient){
        .n = s->n,
        .in = s->in,
        .out = s->out,
        .side = s->side,
        .bf16 = bf16,
        .source = bf16 ? (void *)t->source : widened_all(t->source, in),
        .d_result = bf16 ? (void *)t->d_result : widened_all(t->d_result, out),
        .d_kernel = room(kernel_count(s) * sizeof(float)),
    };
    g->work = room(winograd_gradient_work(g));
}

static void gradient_close(struct gradient *t)
{
    if (!t->g.bf16) {
        free((void *)t->g.source);
        free((void *)t->g.d_result);
    }
    free(t->source);
    free(t->d_result);
    free(t->g.d_kernel);
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
        sum += activation(t->source, from) *
               activation(t->d_result, activation_at(s, s->out, n, out, y, x));
    }
    return sum;
}

static void gradient_check(const struct shape *s, bool bf16)
{
    struct errors e = {0};
    struct gradient t;

    gradient_open(&t, s, bf16);
    winograd_gradient(&t.g);
    for (int i = 0; i < s->out * s->in * TAPS; i++) {
        int tap = i % TAPS, in = i / TAPS % s->in, out = i / TAPS / s->in;
        errors_add(&e, (double)t.g.d_kernel[kernel_at(s->in, out, in, tap)],
                   expected_gradient(&t, out, in, tap));
    }
    are_small(&e, bf16 ? RELATIVE : RELATIVE_F32);
    gradient_close(&t);
}

static void is_the_kernels_gradient(void **state)
{
    (void)state;
    need(true);
    for (int i = 0; i < SHAPES; i++)
        gradient_check(&shapes[i], true);
}

static void is_the_kernels_gradient_in_f32(void **state)
{
    (void)state;
    need(false);
    for (int i = 0; i < SHAPES; i++)
        gradient_check(&shapes[i], false);
}

/* Threads */

static void *copy_of(const void *data, size_t size)
{
    return memcpy(room(size), data, size);
}

static void threads_change_no_bit(void **state)
{
    int threads = omp_get_max_threads();

    (void)state;
    need(true);
    for (int k = 0; k < 5 * SHAPES; k++) {
        const struct shape *s = &shapes[k % SHAPES];
        struct gradient g;
        size_t size = kernel_count(s) * sizeof(float);
        struct forward f;
        static void *first[SHAPES], *first_gradient[SHAPES];

        omp_set_num_threads(k / SHAPES + 1);
        forward_open(&f, s, true);
        gradient_open(&g, s, true);
        size_t results = activation_count(s, s->out) * sizeof *f.w.result;
        winograd(&f.w);
        winograd_gradient(&g.g);
        if (k < SHAPES) {
            first[k] = copy_of(f.w.result, results);
            first_gradient[k] = copy_of(g.g.d_kernel, size);
        }
        assert_memory_equal(f.w.result, first[k % SHAPES], results);
        assert_memory_equal(g.g.d_kernel, first_gradient[k % SHAPES], size);
        if (k >= 4 * SHAPES) {
            free(first[k % SHAPES]);
            free(first_gradient[k % SHAPES]);
        }
        forward_close(&f);
        gradient_close(&g);
    }
    omp_set_num_threads(threads);
}

static void what_fits(void **state)
{
    (void)state;
    assert_false(winograd_fits(3, 64, 32, true));
    assert_false(winograd_fits(64, 48, 32, true));
    assert_false(winograd_fits(64, 64, 1, true));
    assert_false(winograd_fits(64, 64, 3, true));
    need(true);
    assert_true(winograd_fits(64, 64, 4, true));
    assert_true(winograd_fits(512, 512, 7, true));
    assert_true(winograd_fits(64, 128, 56, true));
    assert_true(winograd_fits(512, 512, 4, true));
    assert_true(winograd_fits(64, 64, 56, false));
    assert_false(winograd_fits(512, 512, 3, true));
    assert_false(winograd_fits(512, 512, 1, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_convolution),
        cmocka_unit_test(a_nan_stays_one),
        cmocka_unit_test(is_the_sources_gradient),
        cmocka_unit_test(is_the_kernels_gradient),
        cmocka_unit_test(is_the_kernels_gradient_in_f32),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(what_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
