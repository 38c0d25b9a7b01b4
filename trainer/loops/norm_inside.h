/*
 * Inside of normalisation: what norm.c and norm_pool.c share. Eight channels
 * at a time; a block's rows are cut into pieces, each pass over them being one
 * of the phases that phases_run() gives to the threads.
 */
#ifndef PRIMO_NORM_INSIDE_H
#define PRIMO_NORM_INSIDE_H

#include "trainer/loops/norm.h"

#include <stdint.h>

enum { LANE = 8, PIECE_FLOATS = 4096, COEFFICIENTS = 3 };

typedef float vec __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint32_t bits __attribute__((vector_size(32), may_alias));
typedef int32_t mask __attribute__((vector_size(32), may_alias));
typedef uint16_t halves __attribute__((vector_size(16), aligned(2), may_alias));

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

INLINE bool norm_is_fixed(const struct norm *q)
{
    return q->fixed && *q->fixed;
}

/* Elements */

INLINE void load(vec *out, const void *base, size_t i, bool bf16)
{
    if (bf16) {
        halves h = *(const halves *)((const uint16_t *)base + i);
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
        *(halves *)((uint16_t *)base + i) = __builtin_convertvector(b, halves);
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

INLINE struct cut cut_of(int n, int channels, int rows, int block)
{
    int per_piece = PIECE_FLOATS / block > 0 ? PIECE_FLOATS / block : 1;
    int64_t all = (int64_t)n * rows;

    return (struct cut){.blocks = channels / block,
                        .pieces = (int)((all + per_piece - 1) / per_piece),
                        .rows = per_piece,
                        .all = all};
}

/* The work area: some coefficients for each channel, then two partial sums
 * for each channel of each piece. */
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

/* What the way back subtracts from the gradients of a lane's channels. */
struct slopes {
    vec level, slope;
};

INLINE void load_slopes(struct slopes *s, const struct norm *q, int channel)
{
    load(&s->level, coefficient(q, 1, channel), 0, false);
    load(&s->slope, coefficient(q, 2, channel), 0, false);
}

/* The gradient of x from that of its normalised form. */
INLINE void normalise_back(vec *g, const vec *x, const struct factors *k,
                           const struct slopes *s)
{
    *g = k->scale * (*g - s->level - (*x - k->mean) * s->slope);
}

/* Phases */

/* What is done to blocks: `piece` to each piece of all, then `finish` once a
 * block, then `apply` to each of `parts` parts of a block. `q` is the
 * problem. */
struct phases {
    void (*piece)(const void *q, const struct cut *c, int block, int piece);
    void (*finish)(const void *q, const struct cut *c, int block);
    void (*apply)(const void *q, const struct cut *c, int block, int part);
};
void phases_run(const struct phases *p, const void *q, const struct cut *c,
                int parts);

/* Phases of norm.c */
void norm_measure_piece(const void *norm, const struct cut *c, int block,
                        int piece);
void norm_finish(const void *norm, const struct cut *c, int block);
/* Sums of the gradient and its product with x; d_sum, if wanted. */
void norm_back_sums_piece(const void *norm_back, const struct cut *c, int block,
                          int piece);
/* `all`: how many values of a channel were normalised. */
void norm_back_finish(const struct norm_back *q, const struct cut *c, int block,
                      int64_t all);

#endif
