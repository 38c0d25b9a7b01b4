/*
 * Normalisation of the stem, with ReLU and maximum pooling. The phases are
 * those of norm_inside.h; `apply` takes a picture of a block at a time, as
 * windows overlap.
 *
 * Reference: naive_pooling() of norm_test.c.
 */
#include "trainer/loops/norm_pool.h"

#include "trainer/basic/simd.h"
#include "trainer/loops/norm_inside.h"

#include <math.h>

enum { WINDOW = 3, STEP = 2, PAD = 1 };

typedef uint8_t bytes __attribute__((vector_size(8), aligned(1), may_alias));

int norm_pool_side(int side)
{
    return (side + 2 * PAD - WINDOW) / STEP + 1;
}

/* The normalisation of nothing but the maxima, which has the shape of y. */
static struct norm pooled(const struct norm_pool *q)
{
    struct norm p = q->norm;

    p.rows = norm_pool_side(q->side) * norm_pool_side(q->side);
    p.x = q->top;
    return p;
}

/* The index at which one picture of a block begins, in x or y. */
INLINE size_t plane_at(const struct norm *q, const struct cut *c, int block,
                       int picture)
{
    return ((size_t)picture * c->blocks + block) * q->rows * q->block;
}

/* Forward */

/* Finds the x that gives the maximum of a window after normalisation, and its
 * place. It is the largest x of the window, or the smallest where the factor
 * is negative; `sign` flips the sign of those channels, so that the largest is
 * wanted everywhere. Of equal ones the first is taken. */
INLINE void window_top(const struct norm_pool *q, size_t plane, int y, int x,
                       const mask *sign, vec *top, mask *place, bool bf16)
{
    int first_y = y * STEP - PAD, first_x = x * STEP - PAD;

    *top = (vec){0} - INFINITY;
    *place = (mask){0};
    for (int i = 0; i < WINDOW; i++) {
        for (int j = 0; j < WINDOW; j++) {
            int at_y = first_y + i, at_x = first_x + j;
            vec v;
            if (at_y < 0 || at_y >= q->side || at_x < 0 || at_x >= q->side)
                continue;
            size_t pixel = (size_t)at_y * q->side + at_x;
            load(&v, q->norm.x, plane + pixel * q->norm.block, bf16);
            v = (vec)((mask)v ^ *sign);
            mask more = v > *top;
            *top = (vec)(((mask)v & more) | ((mask)*top & ~more));
            *place = ((i * WINDOW + j) & more) | (*place & ~more);
        }
    }
    *top = (vec)((mask)*top ^ *sign);
}

INLINE void pool_lane(const struct norm_pool *q, const struct norm *p,
                      const struct cut *c, int block, int picture, int lane,
                      bool bf16)
{
    int half = norm_pool_side(q->side);
    size_t from = plane_at(&q->norm, c, block, picture) + lane;
    size_t to = plane_at(p, c, block, picture) + lane;
    struct factors k;

    load_factors(&k, p, block * p->block + lane);
    mask sign = (k.scale < 0) & INT32_MIN;
    for (int y = 0; y < half; y++) {
        for (int x = 0; x < half; x++, to += p->block) {
            vec v;
            mask place;
            window_top(q, from, y, x, &sign, &v, &place, bf16);
            store(q->top, to, &v, bf16);
            *(bytes *)(q->place + to) = __builtin_convertvector(place, bytes);
            normalise(&v, &k);
            relu(&v);
            store(p->y, to, &v, bf16);
        }
    }
}

INLINE void pool(const struct norm_pool *q, const struct cut *c, int block,
                 int picture, bool bf16)
{
    struct norm p = pooled(q);

    for (int lane = 0; lane < p.block; lane += LANE)
        pool_lane(q, &p, c, block, picture, lane, bf16);
}

MULTIVERSION
static void pool_picture(const void *norm_pool, const struct cut *c, int block,
                         int picture)
{
    const struct norm_pool *q = norm_pool;

    if (q->norm.bf16)
        pool(q, c, block, picture, true);
    else
        pool(q, c, block, picture, false);
}

static void measure_piece(const void *norm_pool, const struct cut *c, int block,
                          int piece)
{
    const struct norm_pool *q = norm_pool;

    norm_measure_piece(&q->norm, c, block, piece);
}

static void finish(const void *norm_pool, const struct cut *c, int block)
{
    const struct norm_pool *q = norm_pool;

    norm_finish(&q->norm, c, block);
}

void norm_pool_forward(const struct norm_pool *q)
{
    static const struct phases phases = {measure_piece, finish, pool_picture,
                                         norm_join_moments};
    const struct norm *n = &q->norm;
    struct cut c = cut_of(n->n, n->channels, n->rows, n->block);

    phases_run(&phases, q, &c, n->n, n);
}

/* Backward: only the maxima have a gradient, so the sums are taken over y and
 * not over x; `apply` then writes the gradient of each pixel of x. */

/* The way back through the normalisation of the maxima. */
static struct norm_back pooled_back(const struct norm_pool_back *q,
                                    const struct norm *forward)
{
    return (struct norm_back){.forward = forward,
                              .d_out = q->d_out,
                              .d_more = q->d_more,
                              .d_sum = q->d_sum,
                              .d_gamma = q->d_gamma,
                              .d_beta = q->d_beta};
}

static void back_sums_piece(const void *norm_pool_back, const struct cut *c,
                            int block, int piece)
{
    const struct norm_pool_back *q = norm_pool_back;
    struct norm forward = pooled(q->forward);
    struct norm_back back = pooled_back(q, &forward);

    norm_back_sums_piece(&back, c, block, piece);
}

static void back_finish(const void *norm_pool_back, const struct cut *c,
                        int block)
{
    const struct norm_pool_back *q = norm_pool_back;
    struct norm forward = pooled(q->forward);
    struct norm_back back = pooled_back(q, &forward);
    const struct norm *n = &q->forward->norm;

    norm_back_finish(&back, c, block, (int64_t)n->n * n->rows);
}

/* The windows that a pixel belongs to, in one direction: returns the first, and
 * how many there are. A pixel at an even coordinate is in the middle of one, a
 * pixel at an odd one at the end of the first and the beginning of the
 * second. */
INLINE int windows_of(int at, int half, int *count)
{
    int first = at / STEP;

    *count = at % STEP && first + 1 < half ? 2 : 1;
    return first;
}

/* Adds up the gradients of the windows whose maximum is the pixel (y, x). */
INLINE void gather(vec *g, const struct norm_pool_back *q, size_t plane, int y,
                   int x, int half, bool bf16)
{
    int rows, columns, block = q->forward->norm.block;
    int first_y = windows_of(y, half, &rows);
    int first_x = windows_of(x, half, &columns);

    *g = (vec){0};
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            int at_y = first_y + i, at_x = first_x + j;
            int place =
                (y + PAD - STEP * at_y) * WINDOW + x + PAD - STEP * at_x;
            size_t at = plane + ((size_t)at_y * half + at_x) * block;
            bytes b = *(const bytes *)(q->forward->place + at);
            mask here = __builtin_convertvector(b, mask) == place;
            vec more;
            load(&more, q->d_sum, at, bf16);
            *g += (vec)((mask)more & here);
        }
    }
}

INLINE void back_lane(const struct norm_pool_back *q, const struct norm *p,
                      const struct cut *c, int block, int picture, int lane,
                      bool bf16)
{
    const struct norm *n = &q->forward->norm;
    int side = q->forward->side, half = norm_pool_side(side);
    int channel = block * n->block + lane;
    size_t from = plane_at(p, c, block, picture) + lane;
    size_t to = plane_at(n, c, block, picture) + lane;
    struct factors k;
    struct slopes s;

    load_factors(&k, n, channel);
    load_slopes(&s, n, channel);
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++, to += n->block) {
            vec v, g;
            gather(&g, q, from, y, x, half, bf16);
            load(&v, n->x, to, bf16);
            normalise_back(&g, &v, &k, &s);
            store(q->d_x, to, &g, bf16);
        }
    }
}

INLINE void back(const struct norm_pool_back *q, const struct cut *c, int block,
                 int picture, bool bf16)
{
    struct norm p = pooled(q->forward);

    for (int lane = 0; lane < p.block; lane += LANE)
        back_lane(q, &p, c, block, picture, lane, bf16);
}

MULTIVERSION
static void back_picture(const void *norm_pool_back, const struct cut *c,
                         int block, int picture)
{
    const struct norm_pool_back *q = norm_pool_back;

    if (q->forward->norm.bf16)
        back(q, c, block, picture, true);
    else
        back(q, c, block, picture, false);
}

void norm_pool_backward(const struct norm_pool_back *q)
{
    static const struct phases phases = {back_sums_piece, back_finish,
                                         back_picture, norm_join_slopes};
    struct norm p = pooled(q->forward);
    struct cut c = cut_of(p.n, p.channels, p.rows, p.block);

    phases_run(&phases, q, &c, p.n, &p);
}
