/*
 * How the gradient of a kernel is cut into work. Each thread has some units,
 * and sums of its own; so threads neither wait for each other nor decide in
 * which order a sum is taken. A thread goes through the activations stretch by
 * stretch, adds each stretch to all of its units, and so reads the activations
 * of a stretch from memory once.
 */
#include "trainer/basic/simd.h"
#include "trainer/loops/kernel_gradient_inside.h"

#include <omp.h>
#include <string.h>

/* Bytes of activations that a unit reads in one stretch: the first-level
 * cache of most processors. On a Xeon that has 48 KiB, 128 KiB take 7 to 11 %
 * longer in f32, and 8 or 16 KiB are no better; in bf16 it makes no
 * difference. */
enum { CACHE = 32 << 10 };

static struct unit unit_of(const struct kernel_gradient *g, int u)
{
    int blocks = g->in / g->block, in = u % blocks, out = u / blocks * PAIR;
    size_t area = (size_t)g->side * g->side * g->block;
    size_t result = (size_t)g->result_side * g->result_side * g->block;
    size_t each = (size_t)g->kernel * g->kernel * g->block * g->block;
    struct unit it = {.source = (const float *)g->source + (size_t)in * area};

    for (int i = 0; i < PAIR; i++) {
        size_t o = (size_t)(out + i);
        it.d_result[i] = (const float *)g->d_result + o * result;
        it.d_kernel[i] = g->d_kernel + (o * blocks + (size_t)in) * each;
    }
    return it;
}

/* The columns of the result for which column `at` of the kernel does not meet
 * padding; and, as pictures are square, the rows likewise. */
static void tap_range(const struct kernel_gradient *g, int at, int *first,
                      int *end)
{
    int before = g->pad - at, last = g->side - 1 + before;

    *first = before > 0 ? (before + g->stride - 1) / g->stride : 0;
    *end = last < 0 ? 0 : last / g->stride + 1;
    if (*end > g->result_side)
        *end = g->result_side;
}

/* The part of `all` in which tap number i does not meet padding; false where
 * there is none. */
static bool tap_of(const struct kernel_gradient *g, const struct stretch *all,
                   int i, struct stretch *out)
{
    int row, row_end;

    *out = *all;
    out->y = i / g->kernel;
    out->x = i % g->kernel;
    tap_range(g, out->x, &out->column, &out->column_end);
    tap_range(g, out->y, &row, &row_end);
    out->row = row > out->row ? row : out->row;
    out->row_end = row_end < out->row_end ? row_end : out->row_end;
    return out->column < out->column_end && out->row < out->row_end;
}

/* Adds a stretch to all taps of a unit. */
static void unit_add(const struct kernel_gradient *g, const struct stretch *all,
                     const struct unit *unit, add_tap *add)
{
    size_t each = (size_t)g->block * g->block;

    for (int i = 0; i < g->kernel * g->kernel; i++) {
        struct stretch s;
        struct unit u = *unit;
        if (!tap_of(g, all, i, &s))
            continue;
        for (int k = 0; k < PAIR; k++)
            u.d_kernel[k] += (size_t)i * each;
        add(g, &s, &u);
    }
}

/* Clears the taps of a unit, except those that meet nothing but padding. */
static void unit_clear(const struct kernel_gradient *g, const struct unit *u)
{
    const struct stretch all = {.row_end = g->result_side};
    size_t each = (size_t)g->block * g->block;
    struct stretch s;

    for (int i = 0; i < g->kernel * g->kernel; i++)
        for (int k = 0; k < PAIR && tap_of(g, &all, i, &s); k++)
            memset(u->d_kernel[k] + (size_t)i * each, 0, each * sizeof(float));
}

/* The size of a stretch: at least a row, at most whole pictures. In the source
 * it has stride * stride times the pixels that it has in the result. */
static void stretch_size(const struct kernel_gradient *g, int *pictures,
                         int *rows)
{
    size_t blocks = PAIR + (size_t)g->stride * g->stride;
    size_t row = (size_t)g->result_side * blocks * g->block * sizeof(float);
    int fit = (int)(CACHE / row), parts;

    *pictures = fit > g->result_side ? fit / g->result_side : 1;
    fit = fit < 1 ? 1 : fit > g->result_side ? g->result_side : fit;
    parts = (g->result_side + fit - 1) / fit;
    *rows = (g->result_side + parts - 1) / parts;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* The work of one thread: units first to end - 1. */
static void units_add(const struct kernel_gradient *g, int first, int end,
                      add_tap *add)
{
    int pictures, rows;

    stretch_size(g, &pictures, &rows);
    for (int i = first; i < end; i++) {
        struct unit u = unit_of(g, i);
        unit_clear(g, &u);
    }
    for (int n = 0; n < g->n; n += pictures)
        for (int row = 0; row < g->result_side; row += rows) {
            struct stretch s = {.picture = n,
                                .picture_end = least(n + pictures, g->n),
                                .row = row,
                                .row_end = least(row + rows, g->result_side)};
            for (int i = first; i < end; i++) {
                struct unit u = unit_of(g, i);
                unit_add(g, &s, &u, add);
            }
        }
}

static void all_add(const struct kernel_gradient *g, add_tap *add)
{
    int units = g->in / g->block * (g->out / (PAIR * g->block));

#pragma omp parallel
    {
        int thread = omp_get_thread_num(), threads = omp_get_num_threads();
        units_add(g, units * thread / threads, units * (thread + 1) / threads,
                  add);
    }
}

/* bf16 */

static size_t picture_size(int channels, int side)
{
    return (size_t)channels * side * side;
}

MULTIVERSION
static void pair(uint32_t *restrict to, const uint16_t *restrict one,
                 const uint16_t *restrict two, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] = one[i] | (uint32_t)two[i] << 16;
}

/* Puts the bf16 of two pictures each beside each other, in words of 32 bits,
 * which one dot product of the processor takes. The last picture may be alone,
 * beside zeros. */
static void pair_all(uint32_t *to, const uint16_t *from, int n, size_t size)
{
    enum { PART = 4096 };
    size_t parts = (size + PART - 1) / PART, all = (size_t)(n + 1) / 2 * parts;

#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < all; i++) {
        size_t picture = i / parts, at = i % parts * PART;
        size_t count = size - at < PART ? size - at : PART;
        const uint16_t *one = from + 2 * picture * size + at;
        uint32_t *out = to + picture * size + at;
        if (2 * picture + 1 < (size_t)n)
            pair(out, one, one + size, count);
        else
            for (size_t k = 0; k < count; k++)
                out[k] = one[k];
    }
}

static void add_pairs(const struct kernel_gradient *g)
{
    size_t source = picture_size(g->in, g->side);
    size_t result = picture_size(g->out, g->result_side);
    struct kernel_gradient pairs = *g;

    pairs.n = (g->n + 1) / 2;
    pairs.source = g->work;
    pairs.d_result = g->work + (size_t)pairs.n * source;
    pair_all(g->work, g->source, g->n, source);
    pair_all(g->work + (size_t)pairs.n * source, g->d_result, g->n, result);
    all_add(&pairs, kernel_gradient_adder_of_pairs());
}

size_t kernel_gradient_work(const struct kernel_gradient *g)
{
    size_t pairs = (size_t)(g->n + 1) / 2;

    return g->bf16 ? pairs * (picture_size(g->in, g->side) +
                              picture_size(g->out, g->result_side))
                   : 0;
}

bool kernel_gradient_fits(int in, int out, int block)
{
    return (block == 8 || block == 16) && in % block == 0 &&
           out % (PAIR * block) == 0;
}

void kernel_gradient(const struct kernel_gradient *g)
{
    if (g->bf16)
        add_pairs(g);
    else
        all_add(g,
                g->block == 8 ? kernel_gradient_add_8 : kernel_gradient_add_16);
}
