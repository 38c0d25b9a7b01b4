/*
 * Lanes: eight channels of an activation at a time, a vector of AVX2, for loops
 * over blocks of channels (dnn.h). Elements are f32 or bf16 in memory, and f32
 * in a lane.
 *
 * Where a function has an argument `const bool` or `const enum`, callers pass a
 * constant, so that a loop is compiled for each of its values.
 */
#ifndef PRIMO_LANES_H
#define PRIMO_LANES_H

#include "core/network/activation.h"
#include "trainer/basic/simd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANE = 8 };

typedef float vec __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint32_t bits __attribute__((vector_size(32), may_alias));
typedef int32_t mask __attribute__((vector_size(32), may_alias));
typedef uint16_t halves __attribute__((vector_size(16), aligned(2), may_alias));

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

/* Rounds to the nearest bf16, ties to even. */
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

/* Clears v where `by` is not above 0. Where it is, a NaN in v stays. */
INLINE void keep_positive(vec *v, const vec *by)
{
    *v = (vec)((mask)*v & (*by > 0));
}

/* Clears what is not above 0, but leaves a NaN, for which no comparison holds:
 * a network that has diverged must not look sane. */
INLINE void relu(vec *v)
{
    *v = (vec)((mask)*v & ~(*v <= 0));
}

/* Activations */

/* Makes the call f(…, bf16, by) with constants for its last two arguments: what
 * follows a normalisation or a convolution. */
#define CALL_WITH_BF16(f, is_bf16, by, ...)                                    \
    ((is_bf16) ? f(__VA_ARGS__, true, by) : f(__VA_ARGS__, false, by))
#define CALL_WITH_CONSTANTS(f, is_bf16, by, ...)                               \
    ((by) == ACTIVATION_HARD_SWISH                                             \
         ? CALL_WITH_BF16(f, is_bf16, ACTIVATION_HARD_SWISH, __VA_ARGS__)      \
     : (by) == ACTIVATION_RELU                                                 \
         ? CALL_WITH_BF16(f, is_bf16, ACTIVATION_RELU, __VA_ARGS__)            \
         : CALL_WITH_BF16(f, is_bf16, ACTIVATION_NONE, __VA_ARGS__))

/* Sets v to `to` where `where` holds. */
INLINE void put_where(vec *v, float to, const mask *where)
{
    vec all = (vec){0} + to;

    *v = (vec)(((mask)*v & ~*where) | ((mask)all & *where));
}

/* A NaN stays here, too. */
INLINE void hard_sigmoid(vec *v)
{
    *v = *v * (1.0f / 6) + 0.5f;
    mask low = *v<0, high = *v> 1;
    put_where(v, 0, &low);
    put_where(v, 1, &high);
}

INLINE void activate(vec *v, const enum activation activation)
{
    vec x = *v;

    if (activation == ACTIVATION_RELU)
        relu(v);
    if (activation >= ACTIVATION_HARD_SIGMOID)
        hard_sigmoid(v);
    if (activation == ACTIVATION_HARD_SWISH)
        *v *= x;
}

/* Turns the gradient of an activation's result into that of its input x, as
 * PyTorch does at the corners. */
INLINE void activate_back(vec *g, const vec *x,
                          const enum activation activation)
{
    mask low = *x<-3, high = *x> 3, flat = (*x <= -3) | (*x >= 3);
    vec slope;

    if (activation == ACTIVATION_RELU)
        keep_positive(g, x);
    if (activation == ACTIVATION_HARD_SIGMOID) {
        slope = (vec){0} + 1.0f / 6;
        put_where(&slope, 0, &flat);
        *g *= slope;
    }
    if (activation == ACTIVATION_HARD_SWISH) {
        slope = *x * (1.0f / 3) + 0.5f;
        put_where(&slope, 0, &low);
        put_where(&slope, 1, &high);
        *g *= slope;
    }
}

#endif
