/* not under: thread (it is all OpenMP)
 *
 * winograd.h against naive convolutions in double, with odd sides, where a
 * tile hangs over the edge, and with more threads than tiles. */
#include "winograd.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK = 16, TAPS = 9 };

/* Of everything that an element's sum is made of, rounded to bf16 twice. */
#define RELATIVE 0.008

static const struct shape {
    int n, in, out, side;
} shapes[] = {{1, 32, 32, 1},  {3, 32, 64, 2}, {2, 64, 32, 3}, {5, 96, 32, 4},
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
    memset(p, 0x7f, size); /* bf16 and f32 that would be seen in any sum */
    return p;
}

static float noise(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return (float)(int32_t)*state * 0x1p-31f;
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

static size_t activation_count(const struct shape *s, int channels)
{
    return (size_t)s->n * channels * s->side * s->side;
}

static size_t kernel_count(const struct shape *s)
{
    return (size_t)s->in * s->out * TAPS;
}

/* Of element (c, y, x) of picture n; negative outside of it. */
static ptrdiff_t activation_at(const struct shape *s, int channels, int n,
                               int c, int y, int x)
{
    if (y < 0 || x < 0 || y >= s->side || x >= s->side)
        return -1;
    ptrdiff_t plane = (ptrdiff_t)n * (channels / BLOCK) + c / BLOCK;
    return ((plane * s->side + y) * s->side + x) * BLOCK + c % BLOCK;
}

static double activation(const uint16_t *v, ptrdiff_t at)
{
    return at < 0 ? 0 : (double)widened(v[at]);
}

static size_t kernel_at(const struct shape *s, int out, int in, int tap)
{
    size_t block = (size_t)(out / BLOCK) * (s->in / BLOCK) + in / BLOCK;

    return ((block * TAPS + tap) * BLOCK + in % BLOCK) * BLOCK + out % BLOCK;
}

/* How far from what is expected all are, and each. */
struct errors {
    double squares, wanted, most;
    size_t count;
};

static void errors_add(struct errors *e, double got, double want)
{
    double off = fabs(got - want);

    assert_true(isfinite(got));
    e->squares += off * off;
    e->wanted += want * want;
    e->most = off > e->most ? off : e->most;
    e->count++;
}

static void are_small(const struct errors *e)
{
    double rms = sqrt(e->wanted / (double)e->count);

    assert_true(sqrt(e->squares / (double)e->count) <= RELATIVE * rms);
    assert_true(e->most <= 8 * RELATIVE * rms);
}

/* Forward */

struct forward {
    struct shape s;
    struct winograd w;
    float *master, *scale;
    uint16_t *before; /* what the result held */
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
            sum += (double)f->master[kernel_at(s, out, in, t)] *
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
    are_small(&e);
}

static void need(void)
{
    if (!winograd_fits(32, 32, 8))
        skip(); /* this processor has no bf16 */
}

static void is_a_convolution(void **state)
{
    struct forward f;

    (void)state;
    need();
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
    need();
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
            sum += (double)master[kernel_at(s, out, in, t)] *
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
    are_small(&e);
}

static void is_the_sources_gradient(void **state)
{
    (void)state;
    need();
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

static struct winograd_gradient gradient_open(const struct shape *s)
{
    struct winograd_gradient g = {
        .n = s->n,
        .in = s->in,
        .out = s->out,
        .side = s->side,
        .source = activations(activation_count(s, s->in), 7),
        .d_result = activations(activation_count(s, s->out), 8),
        .d_kernel = room(kernel_count(s) * sizeof(float)),
    };

    g.work = room(winograd_gradient_work(&g));
    return g;
}

static void gradient_close(struct winograd_gradient *g)
{
    free((void *)g->source);
    free((void *)g->d_result);
    free(g->d_kernel);
    free(g->work);
}

static double expected_gradient(const struct winograd_gradient *g,
                                const struct shape *s, int out, int in, int tap)
{
    double sum = 0;

    for (int i = 0; i < s->n * s->side * s->side; i++) {
        int x = i % s->side, y = i / s->side % s->side;
        int n = i / s->side / s->side;
        ptrdiff_t from =
            activation_at(s, s->in, n, in, y + tap / 3 - 1, x + tap % 3 - 1);
        sum += activation(g->source, from) *
               activation(g->d_result, activation_at(s, s->out, n, out, y, x));
    }
    return sum;
}

static void is_the_kernels_gradient(void **state)
{
    (void)state;
    need();
    for (int k = 0; k < SHAPES; k++) {
        const struct shape *s = &shapes[k];
        struct winograd_gradient g = gradient_open(s);
        struct errors e = {0};
        winograd_gradient(&g);
        for (int i = 0; i < s->out * s->in * TAPS; i++) {
            int tap = i % TAPS, in = i / TAPS % s->in, out = i / TAPS / s->in;
            errors_add(&e, (double)g.d_kernel[kernel_at(s, out, in, tap)],
                       expected_gradient(&g, s, out, in, tap));
        }
        are_small(&e);
        gradient_close(&g);
    }
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
    need();
    for (int k = 0; k < 5 * SHAPES; k++) {
        const struct shape *s = &shapes[k % SHAPES];
        struct winograd_gradient g = gradient_open(s);
        size_t size = kernel_count(s) * sizeof(float);
        struct forward f;
        static void *first[SHAPES], *first_gradient[SHAPES];

        omp_set_num_threads(k / SHAPES + 1);
        forward_open(&f, s, true);
        size_t results = activation_count(s, s->out) * sizeof *f.w.result;
        winograd(&f.w);
        winograd_gradient(&g);
        if (k < SHAPES) {
            first[k] = copy_of(f.w.result, results);
            first_gradient[k] = copy_of(g.d_kernel, size);
        }
        assert_memory_equal(f.w.result, first[k % SHAPES], results);
        assert_memory_equal(g.d_kernel, first_gradient[k % SHAPES], size);
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
    assert_false(winograd_fits(3, 64, 32));
    assert_false(winograd_fits(64, 48, 32));
    assert_false(winograd_fits(64, 64, 1));
    assert_false(winograd_fits(64, 64, 3));
    need();
    assert_true(winograd_fits(64, 64, 4));
    assert_true(winograd_fits(512, 512, 7));
    assert_true(winograd_fits(64, 128, 56));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_convolution),
        cmocka_unit_test(a_nan_stays_one),
        cmocka_unit_test(is_the_sources_gradient),
        cmocka_unit_test(is_the_kernels_gradient),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(what_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
