#include "norm.h"

#include "resnet.h"
#include "simd.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>

enum { LANE = 8, PIECE_FLOATS = 4096, COEFFICIENTS = 3 };

typedef float vec __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint32_t bits __attribute__((vector_size(32), may_alias));
typedef int32_t mask __attribute__((vector_size(32), may_alias));
typedef uint16_t half __attribute__((vector_size(16), aligned(2), may_alias));

#define INLINE static inline __attribute__((always_inline))

/* Eight channels of one block; `at` is the index of the block's row 0. */
struct run {
    size_t at;
    int rows, stride;
};

/* What a lane's channels are normalised with. */
struct factors {
    vec mean, scale, beta;
};

/* How the rows of a block are cut: pieces that fit the first-level cache. */
struct cut {
    int blocks, pieces, rows; /* rows in all but the last piece */
    int64_t all;              /* rows of a block, over all pictures */
};

/* Elements */

INLINE void load(vec *out, const void *base, size_t i, bool bf16)
{
    if (bf16) {
        half h = *(const half *)((const uint16_t *)base + i);
        *out = (vec)(__builtin_convertvector(h, bits) << 16);
    } else {
        *out = *(const vec *)((const float *)base + i);
    }
}

/* bf16: to the nearest, ties to even. */
INLINE void store(void *base, size_t i, const vec *v, bool bf16)
{
    if (bf16) {
        bits b = (bits)*v;
        b = (b + 0x7fff + ((b >> 16) & 1)) >> 16;
        *(half *)((uint16_t *)base + i) = __builtin_convertvector(b, half);
    } else {
        *(vec *)((float *)base + i) = *v;
    }
}

/* Elements of v where `by` > 0, else 0; a NaN in v stays one. */
INLINE void keep_positive(vec *v, const vec *by)
{
    *v = (vec)((mask)*v & (*by > 0));
}

INLINE void relu(vec *v)
{
    *v = (vec)((mask)*v & ~(*v <= 0));
}

/* Cutting */

static struct cut cut_of(int n, int channels, int rows, int block)
{
    int per_piece = PIECE_FLOATS / block > 0 ? PIECE_FLOATS / block : 1;
    int64_t all = (int64_t)n * rows;

    return (struct cut){.blocks = channels / block,
                        .pieces = (int)((all + per_piece - 1) / per_piece),
                        .rows = per_piece,
                        .all = all};
}

size_t norm_work(int n, int channels, int rows, int block)
{
    struct cut c = cut_of(n, channels, rows, block);

    return COEFFICIENTS * (size_t)channels +
           2 * (size_t)channels * (size_t)c.pieces;
}

/* The work area: some coefficients for each channel, then two partial sums
 * for each channel of each piece. */
static float *coefficient(const struct norm *q, int which, int channel)
{
    return q->work + (size_t)which * q->channels + channel;
}

static float *partial(const struct norm *q, const struct cut *c, int which,
                      int block, int piece)
{
    size_t i = ((size_t)which * c->blocks + block) * c->pieces + piece;

    return q->work + COEFFICIENTS * (size_t)q->channels + i * q->block;
}

static int64_t piece_first(const struct cut *c, int piece)
{
    return (int64_t)piece * c->rows;
}

static int64_t piece_last(const struct cut *c, int piece)
{
    int64_t last = piece_first(c, piece + 1);

    return last < c->all ? last : c->all;
}

/* The rows of one picture from row `*first` on, at most up to `last`. */
INLINE struct run next_run(const struct norm *q, const struct cut *c, int block,
                           int lane, int64_t *first, int64_t last)
{
    int picture = (int)(*first / q->rows), row = (int)(*first % q->rows);
    int64_t rows = q->rows - row;

    if (rows > last - *first)
        rows = last - *first;
    *first += rows;
    size_t plane = (size_t)picture * c->blocks + block;
    return (struct run){
        .at = (plane * q->rows + row) * q->block + (size_t)lane,
        .rows = (int)rows,
        .stride = q->block,
    };
}

/* Forward */

INLINE void sum_of(vec *sum, const void *x, struct run r, bool bf16)
{
    vec a, b, even = *sum, odd = {0};
    int i = 0;

    for (; i + 1 < r.rows; i += 2, r.at += 2 * (size_t)r.stride) {
        load(&a, x, r.at, bf16);
        load(&b, x, r.at + r.stride, bf16);
        even += a;
        odd += b;
    }
    if (i < r.rows) {
        load(&a, x, r.at, bf16);
        even += a;
    }
    *sum = even + odd;
}

INLINE void squares_of(vec *sum, const void *x, const vec *mean, struct run r,
                       bool bf16)
{
    vec a, b, even = *sum, odd = {0};
    int i = 0;

    for (; i + 1 < r.rows; i += 2, r.at += 2 * (size_t)r.stride) {
        load(&a, x, r.at, bf16);
        load(&b, x, r.at + r.stride, bf16);
        a -= *mean;
        b -= *mean;
        even += a * a;
        odd += b * b;
    }
    if (i < r.rows) {
        load(&a, x, r.at, bf16);
        a -= *mean;
        even += a * a;
    }
    *sum = even + odd;
}

/* Mean and squared deviations of a piece. */
INLINE void measure(const struct norm *q, const struct cut *c, int block,
                    int piece, bool bf16)
{
    int64_t first = piece_first(c, piece), last = piece_last(c, piece);

    for (int lane = 0; lane < q->block; lane += LANE) {
        vec mean = {0}, squares = {0};
        for (int64_t i = first; i < last;)
            sum_of(&mean, q->x, next_run(q, c, block, lane, &i, last), bf16);
        mean /= (float)(last - first);
        for (int64_t i = first; i < last;)
            squares_of(&squares, q->x, &mean,
                       next_run(q, c, block, lane, &i, last), bf16);
        store(partial(q, c, 0, block, piece), (size_t)lane, &mean, false);
        store(partial(q, c, 1, block, piece), (size_t)lane, &squares, false);
    }
}

MULTIVERSION
static void measure_piece(const struct norm *q, const struct cut *c, int block,
                          int piece)
{
    if (q->bf16)
        measure(q, c, block, piece, true);
    else
        measure(q, c, block, piece, false);
}

/* The pieces' moments put together (Chan et al.), in double. */
static void moments(const struct norm *q, const struct cut *c, int channel)
{
    int block = channel / q->block, i = channel % q->block;
    double mean = 0, squares = 0;

    for (int p = 0; p < c->pieces; p++)
        mean += (double)(piece_last(c, p) - piece_first(c, p)) *
                (double)partial(q, c, 0, block, p)[i];
    mean /= (double)c->all;
    for (int p = 0; p < c->pieces; p++) {
        double off = (double)partial(q, c, 0, block, p)[i] - mean;
        double count = (double)(piece_last(c, p) - piece_first(c, p));
        squares += (double)partial(q, c, 1, block, p)[i] + count * off * off;
    }
    q->mean[channel] = (float)mean;
    q->variance[channel] = (float)(squares / (double)c->all);
}

/* y = (x - mean) * coefficient 0 + beta */
static void finish_forward(const struct norm *q, const struct cut *c, int block)
{
    for (int k = block * q->block; k < (block + 1) * q->block; k++) {
        moments(q, c, k);
        *coefficient(q, 0, k) =
            q->gamma[k] / sqrtf(q->variance[k] + RESNET_EPSILON);
    }
}

INLINE void load_factors(struct factors *k, const struct norm *q, int channel)
{
    load(&k->mean, q->mean, (size_t)channel, false);
    load(&k->scale, coefficient(q, 0, channel), 0, false);
    load(&k->beta, q->beta, (size_t)channel, false);
}

INLINE void normalise(vec *v, const struct factors *k)
{
    *v = (*v - k->mean) * k->scale + k->beta;
}

INLINE void apply_run(const struct norm *q, const struct factors *k,
                      struct run r, bool bf16)
{
    for (int i = 0; i < r.rows; i++, r.at += r.stride) {
        vec v, more;
        load(&v, q->x, r.at, bf16);
        normalise(&v, k);
        if (q->add) {
            load(&more, q->add, r.at, bf16);
            v += more;
        }
        if (q->relu)
            relu(&v);
        store(q->y, r.at, &v, bf16);
    }
}

INLINE void apply(const struct norm *q, const struct cut *c, int block,
                  int piece, bool bf16)
{
    int64_t last = piece_last(c, piece);

    for (int lane = 0; lane < q->block; lane += LANE) {
        struct factors k;
        load_factors(&k, q, block * q->block + lane);
        for (int64_t i = piece_first(c, piece); i < last;)
            apply_run(q, &k, next_run(q, c, block, lane, &i, last), bf16);
    }
}

MULTIVERSION
static void apply_piece(const struct norm *q, const struct cut *c, int block,
                        int piece)
{
    if (q->bf16)
        apply(q, c, block, piece, true);
    else
        apply(q, c, block, piece, false);
}

/* A thread does whole blocks, while they are in its cache, where there are
 * enough of them for all threads. */
static bool by_blocks(const struct cut *c)
{
    int threads = omp_get_max_threads();

    return c->blocks % threads == 0 || c->blocks >= 4 * threads;
}

static void forward_block(const struct norm *q, const struct cut *c, int block)
{
    for (int p = 0; p < c->pieces; p++)
        measure_piece(q, c, block, p);
    finish_forward(q, c, block);
    for (int p = c->pieces - 1; p >= 0; p--) /* the last are still warm */
        apply_piece(q, c, block, p);
}

static void forward_pieces(const struct norm *q, const struct cut *c)
{
    int64_t tasks = (int64_t)c->blocks * c->pieces;

#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < tasks; i++)
            measure_piece(q, c, (int)(i / c->pieces), (int)(i % c->pieces));
#pragma omp for schedule(static)
        for (int b = 0; b < c->blocks; b++)
            finish_forward(q, c, b);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < tasks; i++)
            apply_piece(q, c, (int)(i / c->pieces), (int)(i % c->pieces));
    }
}

void norm_forward(const struct norm *q)
{
    struct cut c = cut_of(q->n, q->channels, q->rows, q->block);

    if (!by_blocks(&c)) {
        forward_pieces(q, &c);
        return;
    }
#pragma omp parallel for schedule(static)
    for (int b = 0; b < c.blocks; b++)
        forward_block(q, &c, b);
}

/* Backward */

/* The gradient behind the ReLU at r.at: of d_out and d_more, where y > 0. */
INLINE void gradient_at(vec *g, const struct norm_back *q, size_t at,
                        const vec *x, const struct factors *k, bool bf16)
{
    const struct norm *f = q->forward;
    vec more;

    load(g, q->d_out, at, bf16);
    if (q->d_more) {
        load(&more, q->d_more, at, bf16);
        *g += more;
    }
    if (!f->relu)
        return;
    more = *x;
    normalise(&more, k); /* cheaper than reading y, where that will do */
    if (f->add)
        load(&more, f->y, at, bf16);
    keep_positive(g, &more);
}

INLINE void back_sums_run(const struct norm_back *q, vec *sum, vec *product,
                          const struct factors *k, struct run r, bool bf16)
{
    for (int i = 0; i < r.rows; i++, r.at += r.stride) {
        vec x, g;
        load(&x, q->forward->x, r.at, bf16);
        gradient_at(&g, q, r.at, &x, k, bf16);
        if (q->d_sum)
            store(q->d_sum, r.at, &g, bf16);
        *sum += g;
        *product += g * (x - k->mean);
    }
}

INLINE void back_sums(const struct norm_back *q, const struct cut *c, int block,
                      int piece, bool bf16)
{
    const struct norm *f = q->forward;
    int64_t last = piece_last(c, piece);

    for (int lane = 0; lane < f->block; lane += LANE) {
        vec sum = {0}, product = {0};
        struct factors k;
        load_factors(&k, f, block * f->block + lane);
        for (int64_t i = piece_first(c, piece); i < last;)
            back_sums_run(q, &sum, &product, &k,
                          next_run(f, c, block, lane, &i, last), bf16);
        store(partial(f, c, 0, block, piece), (size_t)lane, &sum, false);
        store(partial(f, c, 1, block, piece), (size_t)lane, &product, false);
    }
}

MULTIVERSION
static void back_sums_piece(const struct norm_back *q, const struct cut *c,
                            int block, int piece)
{
    if (q->forward->bf16)
        back_sums(q, c, block, piece, true);
    else
        back_sums(q, c, block, piece, false);
}

/* d_x = scale * (g - coefficient 1 - (x - mean) * coefficient 2) */
static void finish_backward(const struct norm_back *q, const struct cut *c,
                            int block)
{
    const struct norm *f = q->forward;

    for (int k = block * f->block; k < (block + 1) * f->block; k++) {
        double sum = 0, product = 0;
        double variance = (double)f->variance[k] + (double)RESNET_EPSILON;
        for (int p = 0; p < c->pieces; p++) {
            sum += (double)partial(f, c, 0, block, p)[k % f->block];
            product += (double)partial(f, c, 1, block, p)[k % f->block];
        }
        q->d_beta[k] = (float)sum;
        q->d_gamma[k] = (float)(product / sqrt(variance));
        *coefficient(f, 1, k) = (float)(sum / (double)c->all);
        *coefficient(f, 2, k) = (float)(product / variance / (double)c->all);
    }
}

INLINE void back_apply_run(const struct norm_back *q, const struct factors *k,
                           const vec *level, const vec *slope, struct run r,
                           bool bf16)
{
    for (int i = 0; i < r.rows; i++, r.at += r.stride) {
        vec x, g;
        load(&x, q->forward->x, r.at, bf16);
        if (q->d_sum)
            load(&g, q->d_sum, r.at, bf16);
        else
            gradient_at(&g, q, r.at, &x, k, bf16);
        g = k->scale * (g - *level - (x - k->mean) * *slope);
        store(q->d_x, r.at, &g, bf16);
    }
}

INLINE void back_apply(const struct norm_back *q, const struct cut *c,
                       int block, int piece, bool bf16)
{
    const struct norm *f = q->forward;
    int64_t last = piece_last(c, piece);

    for (int lane = 0; lane < f->block; lane += LANE) {
        struct factors k;
        vec level, slope;
        int channel = block * f->block + lane;
        load_factors(&k, f, channel);
        load(&level, coefficient(f, 1, channel), 0, false);
        load(&slope, coefficient(f, 2, channel), 0, false);
        for (int64_t i = piece_first(c, piece); i < last;)
            back_apply_run(q, &k, &level, &slope,
                           next_run(f, c, block, lane, &i, last), bf16);
    }
}

MULTIVERSION
static void back_apply_piece(const struct norm_back *q, const struct cut *c,
                             int block, int piece)
{
    if (q->forward->bf16)
        back_apply(q, c, block, piece, true);
    else
        back_apply(q, c, block, piece, false);
}

static void backward_block(const struct norm_back *q, const struct cut *c,
                           int block)
{
    for (int p = 0; p < c->pieces; p++)
        back_sums_piece(q, c, block, p);
    finish_backward(q, c, block);
    for (int p = c->pieces - 1; p >= 0; p--)
        back_apply_piece(q, c, block, p);
}

static void backward_pieces(const struct norm_back *q, const struct cut *c)
{
    int64_t tasks = (int64_t)c->blocks * c->pieces;

#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < tasks; i++)
            back_sums_piece(q, c, (int)(i / c->pieces), (int)(i % c->pieces));
#pragma omp for schedule(static)
        for (int b = 0; b < c->blocks; b++)
            finish_backward(q, c, b);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < tasks; i++)
            back_apply_piece(q, c, (int)(i / c->pieces), (int)(i % c->pieces));
    }
}

void norm_backward(const struct norm_back *q)
{
    const struct norm *f = q->forward;
    struct cut c = cut_of(f->n, f->channels, f->rows, f->block);

    if (!by_blocks(&c)) {
        backward_pieces(q, &c);
        return;
    }
#pragma omp parallel for schedule(static)
    for (int b = 0; b < c.blocks; b++)
        backward_block(q, &c, b);
}

/* Sums */

MULTIVERSION
static void sum_range(void *a, const void *b, size_t first, size_t last,
                      bool bf16)
{
    for (size_t i = first; i < last; i += LANE) {
        vec v, more;
        load(&v, a, i, bf16);
        load(&more, b, i, bf16);
        v += more;
        store(a, i, &v, bf16);
    }
}

void norm_sum(void *a, const void *b, size_t count, bool bf16)
{
    size_t step = PIECE_FLOATS;

#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += step)
        sum_range(a, b, i, i + step < count ? i + step : count, bf16);
}
