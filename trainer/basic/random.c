#include "trainer/basic/random.h"

#include <math.h>

enum { ROUNDS = 10, BLOCK = 4 };

static void philox_round(uint32_t x[4], const uint32_t key[2])
{
    uint64_t p0 = (uint64_t)0xD2511F53u * x[0];
    uint64_t p1 = (uint64_t)0xCD9E8D57u * x[2];

    x[0] = (uint32_t)(p1 >> 32) ^ x[1] ^ key[0];
    x[1] = (uint32_t)p1;
    x[2] = (uint32_t)(p0 >> 32) ^ x[3] ^ key[1];
    x[3] = (uint32_t)p0;
}

/* Computes Philox4x32-10 of the counter into block, and increments the counter.
 */
static void next_block(struct random *r)
{
    uint32_t key[2] = {r->key[0], r->key[1]};

    for (int i = 0; i < BLOCK; i++)
        r->block[i] = r->counter[i];
    for (int i = 0; i < ROUNDS; i++) {
        philox_round(r->block, key);
        key[0] += 0x9E3779B9u; /* the golden ratio */
        key[1] += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    r->counter[0]++;
    r->used = 0;
}

void random_open(struct random *r, uint64_t seed, uint32_t a, uint32_t b,
                 uint32_t purpose)
{
    *r = (struct random){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {0, a, b, purpose},
        .used = BLOCK,
    };
}

uint32_t random_u32(struct random *r)
{
    if (r->used >= BLOCK)
        next_block(r);
    return r->block[r->used++];
}

/* A number in [0, 1) that is a multiple of 2^-24, and so exact in a float. */
static float unit(struct random *r)
{
    return (float)(random_u32(r) >> 8) * 0x1p-24f;
}

float random_uniform(struct random *r, float low, float high)
{
    float v = low + (high - low) * unit(r);

    return v < high ? v : nextafterf(high, low); /* the sum may round up */
}

/* The method of Box and Muller, in double, so that differences in the last bit
 * between versions of libm rarely reach the float. */
float random_normal(struct random *r)
{
    double radius = ((double)random_u32(r) + 0.5) * 0x1p-32;
    double angle = (double)random_u32(r) * 0x1p-32;

    return (float)(sqrt(-2.0 * log(radius)) * cos(2.0 * M_PI * angle));
}

/* Lemire's method: a multiplication, and only rarely a second draw. */
uint32_t random_below(struct random *r, uint32_t n)
{
    uint64_t m = (uint64_t)random_u32(r) * n;

    if ((uint32_t)m < n) {
        uint32_t least = -n % n;
        while ((uint32_t)m < least)
            m = (uint64_t)random_u32(r) * n;
    }
    return (uint32_t)(m >> 32);
}
