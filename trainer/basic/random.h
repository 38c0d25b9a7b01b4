/*
 * Counter-based random numbers: a number depends only on the key and the
 * counter, never on what was drawn before, so that threads can draw in any
 * order. The generator is Philox4x32-10 (Salmon et al., 2011).
 */
#ifndef PRIMO_RANDOM_H
#define PRIMO_RANDOM_H

#include <stdint.h>

struct random {
    uint32_t key[2], counter[4], block[4];
    int used; /* words of block that have been taken */
};

/* Begin the sequence of (seed, a, b, purpose); purposes.h. */
void random_open(struct random *r, uint64_t seed, uint32_t a, uint32_t b,
                 uint32_t purpose);
uint32_t random_u32(struct random *r);
float random_uniform(struct random *r, float low, float high); /* [low,high) */
float random_normal(struct random *r);                         /* N(0,1) */
uint32_t random_below(struct random *r, uint32_t n); /* 0..n-1, unbiased */

#endif
