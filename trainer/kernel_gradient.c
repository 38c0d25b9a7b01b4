#include "kernel_gradient.h"

#include "simd.h"

#include <omp.h>
#include <stddef.h>
#include <string.h>

enum {
    PAIR = 2, /* blocks of outputs that are computed together */
    HALF = KERNEL_BLOCK / 2,
    CACHE = 32 << 10, /* bytes of activations that a stretch has */
};

typedef float block __attribute__((vector_size(KERNEL_BLOCK * sizeof(float))));

/* Some pictures, or some rows of one: activations that stay in the cache while
 * all of a thread's kernels are added to. Ends are not in it. */
struct stretch {
    int picture, picture_end;
    int row, row_end; /* of the result */
};

/* An element of the kernel, and the columns of the result for which it does
 * not fall on padding. */
struct tap {
    int y, x;
    int column, column_end;
};

/* Where a unit's data begin: a block of inputs, a pair of blocks of outputs. */
struct unit {
    const float *source;
    const block *d_result[PAIR];
    block *d_kernel[PAIR]; /* [kernel * kernel][8] */
};

static struct unit unit_of(const struct kernel_gradient *g, int u)
{
    int blocks = g->in / KERNEL_BLOCK, in = u % blocks, out = u / blocks * PAIR;
    size_t area = (size_t)g->side * g->side;
    size_t result = (size_t)g->result_side * g->result_side;
    size_t each = (size_t)g->kernel * g->kernel * KERNEL_BLOCK;
    struct unit it = {.source = g->source + (size_t)in * area * KERNEL_BLOCK};

    for (int i = 0; i < PAIR; i++) {
        size_t o = (size_t)(out + i);
        it.d_result[i] = (const block *)g->d_result + o * result;
        it.d_kernel[i] =
            (block *)g->d_kernel + (o * blocks + (size_t)in) * each;
    }
    return it;
}

/* Columns and, as pictures are square, rows of the result. */
static void tap_range(const struct kernel_gradient *g, int at, int *first,
                      int *end)
{
    int before = g->pad - at, last = g->side - 1 + before;

    *first = before > 0 ? (before + g->stride - 1) / g->stride : 0;
    *end = last < 0 ? 0 : last / g->stride + 1;
    if (*end > g->result_side)
        *end = g->result_side;
}

#define SPREAD(v) ((block){(v), (v), (v), (v), (v), (v), (v), (v)})

/* Add one tap's products of 4 inputs with 16 outputs: 8 sums that stay in
 * registers, 6 loads for 8 multiplications. */
static inline __attribute__((always_inline)) void
half_add(const struct kernel_gradient *g, const struct stretch *s,
         const struct tap *t, const struct unit *u, int half, size_t element)
{
    block *k0 = u->d_kernel[0] + element, *k1 = u->d_kernel[1] + element;
    block a0 = k0[0], a1 = k0[1], a2 = k0[2], a3 = k0[3];
    block b0 = k1[0], b1 = k1[1], b2 = k1[2], b3 = k1[3];
    ptrdiff_t side = g->side, result = g->result_side;
    ptrdiff_t step = (ptrdiff_t)g->stride * KERNEL_BLOCK;

    for (int n = s->picture; n < s->picture_end; n++) {
        const float *picture = u->source + n * side * side * g->in + half;
        ptrdiff_t at = n * result * result * (g->out / KERNEL_BLOCK);
        for (ptrdiff_t row = s->row; row < s->row_end; row++) {
            ptrdiff_t y = row * g->stride + t->y - g->pad;
            ptrdiff_t x = t->column * g->stride + t->x - g->pad;
            const float *from = picture + (y * side + x) * KERNEL_BLOCK;
            const block *d0 = u->d_result[0] + at + row * result;
            const block *d1 = u->d_result[1] + at + row * result;
            for (int c = t->column; c < t->column_end; c++, from += step) {
                block p = d0[c], q = d1[c], v;
                v = SPREAD(from[0]), a0 += v * p, b0 += v * q;
                v = SPREAD(from[1]), a1 += v * p, b1 += v * q;
                v = SPREAD(from[2]), a2 += v * p, b2 += v * q;
                v = SPREAD(from[3]), a3 += v * p, b3 += v * q;
            }
        }
    }
    k0[0] = a0, k0[1] = a1, k0[2] = a2, k0[3] = a3;
    k1[0] = b0, k1[1] = b1, k1[2] = b2, k1[3] = b3;
}

MULTIVERSION
static void unit_add(const struct kernel_gradient *g, const struct stretch *all,
                     const struct unit *u)
{
    for (int i = 0; i < g->kernel * g->kernel; i++) {
        struct tap t = {.y = i / g->kernel, .x = i % g->kernel};
        struct stretch s = *all;
        int row, row_end;
        tap_range(g, t.x, &t.column, &t.column_end);
        tap_range(g, t.y, &row, &row_end);
        s.row = row > s.row ? row : s.row;
        s.row_end = row_end < s.row_end ? row_end : s.row_end;
        if (t.column >= t.column_end || s.row >= s.row_end)
            continue;
        for (int half = 0; half < KERNEL_BLOCK; half += HALF)
            half_add(g, &s, &t, u, half, (size_t)i * KERNEL_BLOCK + half);
    }
}

/* To 0, but for what only falls on padding. */
static void unit_clear(const struct kernel_gradient *g, const struct unit *u)
{
    int first, end, row, row_end;

    for (int i = 0; i < g->kernel * g->kernel; i++) {
        tap_range(g, i % g->kernel, &first, &end);
        tap_range(g, i / g->kernel, &row, &row_end);
        for (int k = 0; k < PAIR && first < end && row < row_end; k++)
            memset(u->d_kernel[k] + (size_t)i * KERNEL_BLOCK, 0,
                   KERNEL_BLOCK * sizeof(block));
    }
}

/* A stretch's size: at least a row, at most whole pictures. */
static void stretch_size(const struct kernel_gradient *g, int *pictures,
                         int *rows)
{
    size_t blocks = PAIR + (size_t)g->stride * g->stride;
    size_t row = (size_t)g->result_side * blocks * sizeof(block);
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

static void units_add(const struct kernel_gradient *g, int first, int end)
{
    int pictures, rows;

    stretch_size(g, &pictures, &rows);
    for (int i = first; i < end; i++) {
        struct unit u = unit_of(g, i);
        unit_clear(g, &u);
    }
    for (int n = 0; n < g->n; n += pictures)
        for (int row = 0; row < g->result_side; row += rows) {
            struct stretch s = {n, least(n + pictures, g->n), row,
                                least(row + rows, g->result_side)};
            for (int i = first; i < end; i++) {
                struct unit u = unit_of(g, i);
                unit_add(g, &s, &u);
            }
        }
}

bool kernel_gradient_fits(int in, int out)
{
    return in % KERNEL_BLOCK == 0 && out % (PAIR * KERNEL_BLOCK) == 0;
}

void kernel_gradient(const struct kernel_gradient *g)
{
    int units = g->in / KERNEL_BLOCK * (g->out / (PAIR * KERNEL_BLOCK));

#pragma omp parallel
    {
        int thread = omp_get_thread_num(), threads = omp_get_num_threads();
        units_add(g, units * thread / threads, units * (thread + 1) / threads);
    }
}
