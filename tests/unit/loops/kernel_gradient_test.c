/* not under: thread (it is all OpenMP)
 *
 * kernel_gradient.h against a naive reference in double, with odd sides and
 * where the kernel is larger than the picture. */
#include "trainer/loops/kernel_gradient.h"

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

/* All loops. */
static const struct {
    int block;
    bool bf16;
} loops[] = {{8, false}, {16, false}, {16, true}};
enum { LOOPS = sizeof loops / sizeof *loops };

/* The shape for a loop; one with a block of 16 has twice the channels. */
static struct kernel_gradient shape_for(int shape, int loop)
{
    struct kernel_gradient g = shapes[shape];

    g.block = loops[loop].block;
    g.bf16 = loops[loop].bf16;
    g.in *= g.block / 8;
    g.out *= g.block / 8;
    g.result_side = (g.side + 2 * g.pad - g.kernel) / g.stride + 1;
    return g;
}

/* The index of an element of the source or the result, whose side is `side`. */
static size_t activation(const struct kernel_gradient *g, int channels,
                         int side, int n, int c, int y, int x)
{
    size_t plane = (size_t)n * (channels / g->block) + c / g->block;

    return ((plane * side + y) * side + x) * g->block + c % g->block;
}

static float rounded(float v, bool bf16)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof bits);
    bits = bf16 ? (bits + 0x8000) & 0xffff0000 : bits;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static float *wave(size_t count, float frequency, bool bf16)
{
    float *v = aligned_alloc(64, (count * sizeof *v + 63) / 64 * 64);

    for (size_t i = 0; i < count; i++)
        v[i] = rounded(
            sinf((float)i * frequency) + 0.2f * sinf((float)i * 17.3f), bf16);
    return v;
}

/* Packs the upper halves of the floats, in place: their bf16. */
static void halve(float *values, size_t count)
{
    uint16_t *to = (uint16_t *)values;

    for (size_t i = 0; i < count; i++)
        memcpy(to + i, (char *)(values + i) + 2, sizeof *to);
}

static size_t kernel_count(const struct kernel_gradient *g)
{
    return (size_t)g->in * g->out * g->kernel * g->kernel;
}

/* A problem, and its activations in f32 for the reference. */
struct problem {
    struct kernel_gradient g;
    float *source, *d_result;
};

static void problem_open(struct problem *p, int shape, int loop)
{
    struct kernel_gradient *g = &p->g;

    *g = shape_for(shape, loop);
    size_t in = (size_t)g->n * g->in * g->side * g->side;
    size_t out = (size_t)g->n * g->out * g->result_side * g->result_side;
    float *source = wave(in, 0.37f, g->bf16);
    float *d_result = wave(out, 0.53f, g->bf16);
    p->source = wave(in, 0.37f, g->bf16);
    p->d_result = wave(out, 0.53f, g->bf16);
    if (g->bf16) {
        halve(source, in);
        halve(d_result, out);
        g->work = (uint32_t *)wave(kernel_gradient_work(g), 0, false);
    }
    g->source = source;
    g->d_result = d_result;
    g->d_kernel = wave(kernel_count(g), 0, false);
    for (size_t i = 0; i < kernel_count(g); i++)
        g->d_kernel[i] = UNTOUCHED;
}

static void problem_close(struct problem *p)
{
    free((void *)p->g.source);
    free((void *)p->g.d_result);
    free(p->g.d_kernel);
    free(p->g.work);
    free(p->source);
    free(p->d_result);
}

/* The reference: a naive sum. *terms is the number of products, 0 if the
 * element meets nothing but padding. */
static double expected(const struct problem *p, int o, int i, int ky, int kx,
                       int *terms)
{
    const struct kernel_gradient *g = &p->g;
    double sum = 0;

    *terms = 0;
    for (int n = 0; n < g->n; n++)
        for (int r = 0; r < g->result_side * g->result_side; r++) {
            int oy = r / g->result_side, ox = r % g->result_side;
            int y = oy * g->stride + ky - g->pad;
            int x = ox * g->stride + kx - g->pad;
            if (y < 0 || x < 0 || y >= g->side || x >= g->side)
                continue;
            sum +=
                (double)p->source[activation(g, g->in, g->side, n, i, y, x)] *
                (double)p->d_result[activation(g, g->out, g->result_side, n, o,
                                               oy, ox)];
            ++*terms;
        }
    return sum;
}

static void check_element(const struct problem *p, int o, int i, int t)
{
    const struct kernel_gradient *g = &p->g;
    int terms, b = g->block, taps = g->kernel * g->kernel;
    double want = expected(p, o, i, t / g->kernel, t % g->kernel, &terms);
    size_t block = (size_t)(o / b) * (g->in / b) + i / b;
    float got = g->d_kernel[((block * taps + t) * b + i % b) * b + o % b];

    if (!terms)
        assert_true(got == UNTOUCHED);
    else
        assert_true(fabs((double)got - want) <= 1e-5 * (terms + 1));
}

static void is_the_gradient(void **state)
{
    struct problem p;

    (void)state;
    for (int k = 0; k < SHAPES * LOOPS; k++) {
        problem_open(&p, k % SHAPES, k / SHAPES);
        kernel_gradient(&p.g);
        for (int o = 0; o < p.g.out; o++)
            for (int i = 0; i < p.g.in; i++)
                for (int t = 0; t < p.g.kernel * p.g.kernel; t++)
                    check_element(&p, o, i, t);
        problem_close(&p);
    }
}

static void threads_change_no_bit(void **state)
{
    int threads = omp_get_max_threads();
    struct problem p;

    (void)state;
    for (int k = 0; k < SHAPES * LOOPS; k++) {
        problem_open(&p, k % SHAPES, k / SHAPES);
        size_t size = kernel_count(&p.g) * sizeof(float);
        float *first = malloc(size);
        omp_set_num_threads(1);
        kernel_gradient(&p.g);
        memcpy(first, p.g.d_kernel, size);
        for (int t = 2; t <= 5; t++) {
            omp_set_num_threads(t);
            kernel_gradient(&p.g);
            assert_memory_equal(p.g.d_kernel, first, size);
        }
        free(first);
        problem_close(&p);
    }
    omp_set_num_threads(threads);
}

static void what_fits(void **state)
{
    (void)state;
    assert_true(kernel_gradient_fits(64, 128, 8));
    assert_true(kernel_gradient_fits(64, 128, 16));
    assert_false(kernel_gradient_fits(3, 64, 8));
    assert_false(kernel_gradient_fits(8, 8, 8));
    assert_false(kernel_gradient_fits(8, 32, 16));
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
