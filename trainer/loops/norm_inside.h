/*
 * What norm.c and norm_pool.c share.
 *
 * Channels are independent of each other; a loop does eight of them at a time,
 * a lane. The rows (pixels) of a block of channels, over all pictures, are cut
 * into pieces. Each direction then has three phases:
 *
 *   piece   sums over the rows of each piece: on the way forward its mean and
 *           squared deviations, on the way back the gradient and its product
 *           with x
 *   finish  once for each block: puts the sums of its pieces together, in
 *           double, and derives a few coefficients for each channel
 *   apply   goes over the rows again and writes the results
 *
 * Where other nodes have parts of the batch, `join` comes before the last one:
 * it puts their sums together with this node's.
 *
 * A phase needs all of the one before, but only of its own block of channels.
 * phases_run() shares blocks or pieces among the threads accordingly. As pieces
 * are cut by the shape alone and put together in their order, the results do
 * not depend on the threads.
 */
#ifndef PRIMO_NORM_INSIDE_H
#define PRIMO_NORM_INSIDE_H

#include "trainer/loops/lanes.h"
#include "trainer/loops/norm.h"

#include <stdint.h>

enum {
    /* Elements of a piece, over the channels of a block. 16 KiB in f32 stay
     * in the first-level cache between the two sums over a piece, and sums
     * of so few rows lose little in f32. On a Xeon in bf16, pieces of 1024
     * elements take 7 to 22 % longer. The sums, and with them all results,
     * depend on it in their last bits. */
    PIECE_FLOATS = 4096,
    /* Of each channel: gamma / deviation, and what the way back subtracts, see
     * norm_back_finish(). */
    COEFFICIENTS = 3,
};

/* Rows of one lane that follow each other in one picture. */
struct run {
    size_t at; /* index of the first */
    int rows, stride;
};

/* What the channels of a lane are normalised with. */
struct factors {
    vec mean, scale, beta;
};

/* How the rows of each block are cut into pieces. */
struct cut {
    int blocks, pieces;
    int rows;    /* of each piece but the last */
    int64_t all; /* rows of a block, over all pictures */
};

INLINE bool norm_is_fixed(const struct norm *q)
{
    return q->fixed && *q->fixed;
}

INLINE bool norm_is_divided(const struct norm *q)
{
    return q->join && q->join->nodes > 1 && !norm_is_fixed(q);
}

/* Cutting */

INLINE struct cut cut_of(int n, int channels, int rows, int block)
{
    int per_piece = PIECE_FLOATS / block > 0 ? PIECE_FLOATS / block : 1;
    int64_t all = (int64_t)n * rows;

    return (struct cut){.blocks = channels / block,
                        .pieces = (int)((all + per_piece - 1) / per_piece),
                        .rows = per_piece,
                        .all = all};
}

/* The work area holds the coefficients of each channel, [3][channels], then two
 * sums for each channel of each piece, [2][blocks][pieces][block]. */
INLINE float *coefficient(const struct norm *q, int which, int channel)
{
    return q->work + (size_t)which * q->channels + channel;
}

INLINE float *partial(const struct norm *q, const struct cut *c, int which,
                      int block, int piece)
{
    size_t i = ((size_t)which * c->blocks + block) * c->pieces + piece;

    return q->work + COEFFICIENTS * (size_t)q->channels + i * q->block;
}

INLINE int64_t piece_first(const struct cut *c, int piece)
{
    return (int64_t)piece * c->rows;
}

INLINE int64_t piece_last(const struct cut *c, int piece)
{
    int64_t last = piece_first(c, piece + 1);

    return last < c->all ? last : c->all;
}

/* The run of rows that begins at row *first of a block, counted through all
 * pictures, and ends with its picture or before row `last`. *first becomes the
 * row behind it. */
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

/* Normalising */

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

/* What the way back subtracts from the gradients of a lane: `level` is their
 * mean, and `slope`, times x - mean, their part that goes along with x. */
struct slopes {
    vec level, slope;
};

INLINE void load_slopes(struct slopes *s, const struct norm *q, int channel)
{
    load(&s->level, coefficient(q, 1, channel), 0, false);
    load(&s->slope, coefficient(q, 2, channel), 0, false);
}

/* Turns the gradient of normalise(x) into that of x. */
INLINE void normalise_back(vec *g, const vec *x, const struct factors *k,
                           const struct slopes *s)
{
    *g = k->scale * (*g - s->level - (*x - k->mean) * s->slope);
}

/* Phases */

/* The functions of the phases. Each is called with `q`, the problem, and its
 * `block`; `piece` for each piece of the block, `apply` for each of its
 * parts. */
struct phases {
    void (*piece)(const void *q, const struct cut *c, int block, int piece);
    void (*finish)(const void *q, const struct cut *c, int block);
    void (*apply)(const void *q, const struct cut *c, int block, int part);
    void (*join)(const struct norm *norm); /* once for all blocks */
};
/* Runs all phases of all blocks; `apply` has `parts` parts in each block.
 * `norm` is the normalisation that q is about. */
void phases_run(const struct phases *p, const void *q, const struct cut *c,
                int parts, const struct norm *norm);

/* Phases of norm.c that norm_pool.c uses, too */

/* piece: the mean and the squared deviations from it. */
void norm_measure_piece(const void *norm, const struct cut *c, int block,
                        int piece);
/* finish: mean, variance and coefficient 0. norm_join.c has join: the same of
 * the whole batch, or what the way back subtracts. */
void norm_join_moments(const struct norm *q);
void norm_join_slopes(const struct norm *q);
void norm_finish(const void *norm, const struct cut *c, int block);
/* piece: sums of the gradient and of its product with x - mean; writes d_sum
 * unless it is NULL. */
void norm_back_sums_piece(const void *norm_back, const struct cut *c, int block,
                          int piece);
/* finish: d_gamma, d_beta and coefficients 1 and 2. `all` is how many values of
 * a channel were normalised. */
void norm_back_finish(const struct norm_back *q, const struct cut *c, int block,
                      int64_t all);

#endif
