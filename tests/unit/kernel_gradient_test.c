/* not under: thread (it is all OpenMP)
 *
 * kernel_gradient.h against a naive reference in double, with odd sides and
 * where the kernel is larger than the picture. */
#include "kernel_gradient.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UNTOUCHED 12345.0f

static const struct kernel_gradient shapes[] = {
    {.n = 1, .in = 8, .out = 16, .side = 1, .kernel = 3, .stride = 1, .pad = 1},
    {.n = 3,
     .in = 16,
     .out = 16,
     .side = 2,
     .kernel = 3,
     .stride = 1,
     .pad = 1},
    {.n = 5, .in = 8, .out = 48, .side = 2, .kernel = 3, .stride = 2, .pad = 1},
    {.n = 2,
     .in = 24,
     .out = 32,
     .side = 3,
     .kernel = 3,
     .stride = 2,
     .pad = 1},
    {.n = 4, .in = 8, .out = 16, .side = 9, .kernel = 3, .stride = 1, .pad = 1},
    {.n = 9,
     .in = 16,
     .out = 32,
     .side = 7,
     .kernel = 1,
     .stride = 2,
     .pad = 0},
    {.n = 2,
     .in = 8,
     .out = 16,
     .side = 31,
     .kernel = 7,
     .stride = 2,
     .pad = 3},
    {.n = 2,
     .in = 8,
     .out = 16,
     .side = 97,
     .kernel = 3,
     .stride = 1,
     .pad = 1},
    {.n = 70,
     .in = 16,
     .out = 16,
     .side = 4,
     .kernel = 3,
     .stride = 1,
     .pad = 1},
    {.n = 3, .in = 8, .out = 16, .side = 1, .kernel = 5, .stride = 2, .pad = 2},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* One problem; `side` is of either square. */
static size_t activation(int channels, int side, int n, int c, int y, int x)
{
    size_t plane = (size_t)n * (channels / 8) + c / 8;

    return ((plane * side + y) * side + x) * 8 + c % 8;
}

static float *wave(size_t count, float frequency)
{
    float *v = aligned_alloc(64, (count * sizeof *v + 63) / 64 * 64);

    for (size_t i = 0; i < count; i++)
        v[i] = sinf((float)i * frequency) + 0.2f * sinf((float)i * 17.3f);
    return v;
}

static size_t kernel_count(const struct kernel_gradient *g)
{
    return (size_t)g->in * g->out * g->kernel * g->kernel;
}

static void problem_open(struct kernel_gradient *g, const float **source,
                         const float **d_result)
{
    g->result_side = (g->side + 2 * g->pad - g->kernel) / g->stride + 1;
    *source = wave((size_t)g->n * g->in * g->side * g->side, 0.37f);
    *d_result =
        wave((size_t)g->n * g->out * g->result_side * g->result_side, 0.53f);
    g->source = *source;
    g->d_result = *d_result;
    g->d_kernel = wave(kernel_count(g), 0);
    for (size_t i = 0; i < kernel_count(g); i++)
        g->d_kernel[i] = UNTOUCHED;
}

static void problem_close(struct kernel_gradient *g)
{
    free((void *)g->source);
    free((void *)g->d_result);
    free(g->d_kernel);
}

/* *terms: how many products; 0 = it only falls on padding. */
static double expected(const struct kernel_gradient *g, int o, int i, int ky,
                       int kx, int *terms)
{
    double sum = 0;

    *terms = 0;
    for (int n = 0; n < g->n; n++)
        for (int r = 0; r < g->result_side * g->result_side; r++) {
            int oy = r / g->result_side, ox = r % g->result_side;
            int y = oy * g->stride + ky - g->pad;
            int x = ox * g->stride + kx - g->pad;
            if (y < 0 || x < 0 || y >= g->side || x >= g->side)
                continue;
            sum += (double)g->source[activation(g->in, g->side, n, i, y, x)] *
                   (double)g->d_result[activation(g->out, g->result_side, n, o,
                                                  oy, ox)];
            ++*terms;
        }
    return sum;
}

static void check_shape(const struct kernel_gradient *shape)
{
    struct kernel_gradient g = *shape;
    const float *source, *d_result;
    int taps = g.kernel * g.kernel;

    problem_open(&g, &source, &d_result);
    kernel_gradient(&g);
    for (int o = 0; o < g.out; o++)
        for (int i = 0; i < g.in; i++)
            for (int t = 0; t < taps; t++) {
                int terms;
                double want =
                    expected(&g, o, i, t / g.kernel, t % g.kernel, &terms);
                size_t block = (size_t)(o / 8) * (g.in / 8) + i / 8;
                float got =
                    g.d_kernel[((block * taps + t) * 8 + i % 8) * 8 + o % 8];
                if (!terms)
                    assert_true(got == UNTOUCHED);
                else
                    assert_true(fabs(got - want) <= 1e-5 * (terms + 1));
            }
    problem_close(&g);
}

static void is_the_gradient(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        check_shape(&shapes[i]);
}

static void threads_change_no_bit(void **state)
{
    int threads = omp_get_max_threads();

    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        struct kernel_gradient g = shapes[i];
        const float *source, *d_result;
        problem_open(&g, &source, &d_result);
        float *first = g.d_kernel;
        omp_set_num_threads(1);
        kernel_gradient(&g);
        g.d_kernel = wave(kernel_count(&g), 0);
        memcpy(g.d_kernel, first, kernel_count(&g) * sizeof(float));
        for (int t = 2; t <= 5; t++) {
            omp_set_num_threads(t);
            kernel_gradient(&g);
            assert_memory_equal(g.d_kernel, first,
                                kernel_count(&g) * sizeof(float));
        }
        free(first);
        problem_close(&g);
    }
    omp_set_num_threads(threads);
}

static void what_fits(void **state)
{
    (void)state;
    assert_true(kernel_gradient_fits(64, 128));
    assert_false(kernel_gradient_fits(3, 64));
    assert_false(kernel_gradient_fits(8, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_gradient),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(what_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
