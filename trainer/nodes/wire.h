/*
 * bf16 as it travels between nodes: an f32 without its lower 16 bits. Both
 * primo-train and primo-nodes round with these, so that it does not matter
 * which of the two does.
 */
#ifndef PRIMO_WIRE_H
#define PRIMO_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The nearest bf16, ties to even. What is above the largest one becomes an
 * infinity, and a NaN stays one. */
static inline uint16_t wire_round(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t near = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    uint32_t none = bits >> 16 | 0x40;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? none : near);
}

static inline float wire_value(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
