/*
 * Batch normalisation with sum and ReLU. norm_inside.h explains the phases.
 *
 * Reference: naive_channel() of norm_test.c.
 */
#include "trainer/loops/norm_inside.h"

#include "trainer/basic/simd.h"

#include <math.h>
#include <omp.h>

size_t norm_work(int n, int channels, int rows, int block)
{
    struct cut c = cut_of(n, channels, rows, block);

    return COEFFICIENTS * (size_t)channels +
           2 * (size_t)channels * (size_t)c.pieces;
}

/* Forward */

/* *sum += the rows of a run. Two sums take turns, so that an addition need not
 * wait for the one before. */
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

/* *sum += the squared deviations from *mean, in the same way. */
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

/* The mean and the squared deviations of a piece. The second sum reads the
 * piece again, from the cache: a sum of squares in one pass, from which the
 * squared mean is subtracted, would lose digits where the mean is large. */
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
void norm_measure_piece(const void *norm, const struct cut *c, int block,
                        int piece)
{
    const struct norm *q = norm;

    if (norm_is_fixed(q))
        return;
    if (q->bf16)
        measure(q, c, block, piece, true);
    else
        measure(q, c, block, piece, false);
}

/* Puts the moments of the pieces together, in double (Chan, Golub and LeVeque,
 * "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances",
 * 1979). */
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

/* After it, normalise(x) = (x - mean) * coefficient 0 + beta. */
void norm_finish(const void *norm, const struct cut *c, int block)
{
    const struct norm *q = norm;

    for (int k = block * q->block; k < (block + 1) * q->block; k++) {
        if (!norm_is_fixed(q))
            moments(q, c, k);
        *coefficient(q, 0, k) =
            q->gamma[k] / sqrtf(q->variance[k] + q->epsilon);
    }
}

INLINE void apply_run(const struct norm *q, const struct factors *k,
                      struct run r, bool bf16, const enum activation by)
{
    for (int i = 0; i < r.rows; i++, r.at += r.stride) {
        vec v, more;
        load(&v, q->x, r.at, bf16);
        normalise(&v, k);
        if (q->add) {
            load(&more, q->add, r.at, bf16);
            v += more;
        }
        activate(&v, by);
        store(q->y, r.at, &v, bf16);
    }
}

INLINE void apply(const struct norm *q, const struct cut *c, int block,
                  int piece, bool bf16, const enum activation by)
{
    int64_t last = piece_last(c, piece);

    for (int lane = 0; lane < q->block; lane += LANE) {
        struct factors k;
        load_factors(&k, q, block * q->block + lane);
        for (int64_t i = piece_first(c, piece); i < last;)
            apply_run(q, &k, next_run(q, c, block, lane, &i, last), bf16, by);
    }
}

MULTIVERSION
static void apply_piece(const void *norm, const struct cut *c, int block,
                        int piece)
{
    const struct norm *q = norm;

    CALL_WITH_CONSTANTS(apply, q->bf16, q->activation, q, c, block, piece);
}

/* Phases */

/* Whether each thread does whole blocks, one after the other. This is faster,
 * as a block may stay in the thread's cache between the phases, and there is
 * nothing to wait for. But the threads have to get equal shares: as many blocks
 * each, or at least so many that one more makes little difference. */
static bool by_blocks(const struct cut *c)
{
    int threads = omp_get_max_threads();

    return c->blocks % threads == 0 || c->blocks >= 4 * threads;
}

static void block_run(const struct phases *p, const void *q,
                      const struct cut *c, int parts, int block)
{
    for (int i = 0; i < c->pieces; i++)
        p->piece(q, c, block, i);
    p->finish(q, c, block);
    for (int i = parts - 1; i >= 0; i--) /* the last are still in the cache */
        p->apply(q, c, block, i);
}

/* For a few blocks and many threads: all share each phase of all blocks, and
 * wait for each other between two phases. */
static void pieces_run(const struct phases *p, const void *q,
                       const struct cut *c, int parts)
{
    int64_t pieces = (int64_t)c->blocks * c->pieces;
    int64_t all_parts = (int64_t)c->blocks * parts;

#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < pieces; i++)
            p->piece(q, c, (int)(i / c->pieces), (int)(i % c->pieces));
#pragma omp for schedule(static)
        for (int b = 0; b < c->blocks; b++)
            p->finish(q, c, b);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < all_parts; i++)
            p->apply(q, c, (int)(i / parts), (int)(i % parts));
    }
}

/* All blocks end a phase together, as the other nodes are told of all. */
static void divided_run(const struct phases *p, const void *q,
                        const struct cut *c, int parts, const struct norm *norm)
{
    int64_t pieces = (int64_t)c->blocks * c->pieces;
    int64_t all_parts = (int64_t)c->blocks * parts;

#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < pieces; i++)
        p->piece(q, c, (int)(i / c->pieces), (int)(i % c->pieces));
#pragma omp parallel for schedule(static)
    for (int b = 0; b < c->blocks; b++)
        p->finish(q, c, b);
    p->join(norm);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < all_parts; i++)
        p->apply(q, c, (int)(i / parts), (int)(i % parts));
}

void phases_run(const struct phases *p, const void *q, const struct cut *c,
                int parts, const struct norm *norm)
{
    if (norm_is_divided(norm)) {
        divided_run(p, q, c, parts, norm);
        return;
    }
    if (!by_blocks(c)) {
        pieces_run(p, q, c, parts);
        return;
    }
#pragma omp parallel for schedule(static)
    for (int b = 0; b < c->blocks; b++)
        block_run(p, q, c, parts, b);
}

void norm_forward(const struct norm *q)
{
    static const struct phases phases = {norm_measure_piece, norm_finish,
                                         apply_piece, norm_join_moments};
    struct cut c = cut_of(q->n, q->channels, q->rows, q->block);

    phases_run(&phases, q, &c, c.pieces, q);
}

void norm_again(const struct norm *q)
{
    struct cut c = cut_of(q->n, q->channels, q->rows, q->block);

#pragma omp parallel for schedule(static)
    for (int i = 0; i < c.blocks * c.pieces; i++)
        apply_piece(q, &c, i / c.pieces, i % c.pieces);
}

/* Backward */

/* The activation's input at one row. */
INLINE void input_at(vec *v, const struct norm *f, size_t at, const vec *x,
                     const struct factors *k, bool bf16)
{
    vec more;

    *v = *x;
    normalise(v, k);
    if (!f->add)
        return;
    load(&more, f->add, at, bf16);
    *v += more;
}

/* The gradient of normalise(x) + add at one row: d_out + d_more, through the
 * activation. */
INLINE void gradient_at(vec *g, const struct norm_back *q, size_t at,
                        const vec *x, const struct factors *k, bool bf16,
                        const enum activation by)
{
    const struct norm *f = q->forward;
    vec more;

    load(g, q->d_out, at, bf16);
    if (q->d_more) {
        load(&more, q->d_more, at, bf16);
        *g += more;
    }
    if (by == ACTIVATION_NONE)
        return;
    if (by == ACTIVATION_RELU && f->add) /* which y tells as well */
        load(&more, f->y, at, bf16);
    else /* without `add`, this is cheaper than reading */
        input_at(&more, f, at, x, k, bf16);
    activate_back(g, &more, by);
}

INLINE void back_sums_run(const struct norm_back *q, vec *sum, vec *product,
                          const struct factors *k, struct run r, bool bf16,
                          const enum activation by)
{
    for (int i = 0; i < r.rows; i++, r.at += r.stride) {
        vec x, g;
        load(&x, q->forward->x, r.at, bf16);
        gradient_at(&g, q, r.at, &x, k, bf16, by);
        if (q->d_sum)
            store(q->d_sum, r.at, &g, bf16);
        *sum += g;
        *product += g * (x - k->mean);
    }
}

INLINE void back_sums(const struct norm_back *q, const struct cut *c, int block,
                      int piece, bool bf16, const enum activation by)
{
    const struct norm *f = q->forward;
    int64_t last = piece_last(c, piece);

    for (int lane = 0; lane < f->block; lane += LANE) {
        vec sum = {0}, product = {0};
        struct factors k;
        load_factors(&k, f, block * f->block + lane);
        for (int64_t i = piece_first(c, piece); i < last;)
            back_sums_run(q, &sum, &product, &k,
                          next_run(f, c, block, lane, &i, last), bf16, by);
        store(partial(f, c, 0, block, piece), (size_t)lane, &sum, false);
        store(partial(f, c, 1, block, piece), (size_t)lane, &product, false);
    }
}

MULTIVERSION
void norm_back_sums_piece(const void *norm_back, const struct cut *c, int block,
                          int piece)
{
    const struct norm_back *q = norm_back;

    CALL_WITH_CONSTANTS(back_sums, q->forward->bf16, q->forward->activation, q,
                        c, block, piece);
}

/* After it, d_x = coefficient 0 * (g - coefficient 1 - (x - mean) *
 * coefficient 2), where g is the gradient of normalise(x). With a fixed mean
 * and variance nothing is subtracted. */
void norm_back_finish(const struct norm_back *q, const struct cut *c, int block,
                      int64_t all)
{
    const struct norm *f = q->forward;

    for (int k = block * f->block; k < (block + 1) * f->block; k++) {
        double sum = 0, product = 0;
        double variance = (double)f->variance[k] + (double)f->epsilon;
        for (int p = 0; p < c->pieces; p++) {
            sum += (double)partial(f, c, 0, block, p)[k % f->block];
            product += (double)partial(f, c, 1, block, p)[k % f->block];
        }
        q->d_beta[k] = (float)sum;
        q->d_gamma[k] = (float)(product / sqrt(variance));
        if (norm_is_fixed(f))
            sum = product = 0;
        *coefficient(f, 1, k) = (float)(sum / (double)all);
        *coefficient(f, 2, k) = (float)(product / variance / (double)all);
    }
}

static void back_finish(const void *norm_back, const struct cut *c, int block)
{
    norm_back_finish(norm_back, c, block, c->all);
}

/* Writes d_x. The gradient of the normalisation's output is in d_sum, if there
 * is one, and else computed again. */
INLINE void back_apply_run(const struct norm_back *q, const struct factors *k,
                           const struct slopes *s, struct run r, bool bf16,
                           const enum activation by)
{
    for (int i = 0; i < r.rows; i++, r.at += r.stride) {
        vec x, g;
        load(&x, q->forward->x, r.at, bf16);
        if (q->d_sum)
            load(&g, q->d_sum, r.at, bf16);
        else
            gradient_at(&g, q, r.at, &x, k, bf16, by);
        normalise_back(&g, &x, k, s);
        store(q->d_x, r.at, &g, bf16);
    }
}

INLINE void back_apply(const struct norm_back *q, const struct cut *c,
                       int block, int piece, bool bf16,
                       const enum activation by)
{
    const struct norm *f = q->forward;
    int64_t last = piece_last(c, piece);

    for (int lane = 0; lane < f->block; lane += LANE) {
        struct factors k;
        struct slopes s;
        int channel = block * f->block + lane;
        load_factors(&k, f, channel);
        load_slopes(&s, f, channel);
        for (int64_t i = piece_first(c, piece); i < last;)
            back_apply_run(q, &k, &s, next_run(f, c, block, lane, &i, last),
                           bf16, by);
    }
}

MULTIVERSION
static void back_apply_piece(const void *norm_back, const struct cut *c,
                             int block, int piece)
{
    const struct norm_back *q = norm_back;

    CALL_WITH_CONSTANTS(back_apply, q->forward->bf16, q->forward->activation, q,
                        c, block, piece);
}

void norm_backward(const struct norm_back *q)
{
    static const struct phases phases = {norm_back_sums_piece, back_finish,
                                         back_apply_piece, norm_join_slopes};
    const struct norm *f = q->forward;
    struct cut c = cut_of(f->n, f->channels, f->rows, f->block);

    phases_run(&phases, q, &c, c.pieces, f);
}
