/*
 * What the files of Winograd's algorithm share. A convolution's source is cut
 * into tiles of 4 x 4 pixels, each of which gives 2 x 2 pixels of the result;
 * so neighbouring tiles are two pixels apart and overlap by two. The 16
 * elements of a tile are numbered row by row, before and after it is
 * transformed, and each is a vector of 16 channels in f32.
 *
 * The transformation makes elements independent: element i of a transformed
 * source is multiplied only with element i of the transformed kernel. So a
 * convolution becomes 16 products of matrices, one for each element.
 */
#ifndef PRIMO_WINOGRAD_INSIDE_H
#define PRIMO_WINOGRAD_INSIDE_H

#ifdef __x86_64__

#include "trainer/basic/simd.h"
#include "trainer/loops/tiles.h"

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BLOCK = 16,        /* channels of a block, and floats of a vector */
    ELEMENTS = 16,     /* of a tile */
    PANEL = 2 * BLOCK, /* outputs that are computed together */
    STEP = 2,          /* pixels between tiles */
};

#define VECTORS        __attribute__((target(AVX512_LEVEL ",avx512bf16")))
#define VECTORS_INLINE VECTORS INLINE

/* The 16 channels that begin at index `at`, in f32. */
VECTORS_INLINE __m512 pixel_load(const void *base, ptrdiff_t at,
                                 const bool bf16)
{
    if (!bf16)
        return _mm512_loadu_ps((const float *)base + at);
    __m256i halves =
        _mm256_loadu_si256((const void *)((const uint16_t *)base + at));
    return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16);
}

/* Loads a square of rows * rows pixels, the upper left of which is (y, x).
 * Pixels outside of the picture are 0. `plane` is the index at which the block
 * of channels begins. */
VECTORS_INLINE void tile_load(__m512 *out, const void *base, ptrdiff_t plane,
                              int side, int y, int x, const int rows,
                              const bool bf16)
{
    ptrdiff_t first = plane + ((ptrdiff_t)y * side + x) * BLOCK;
    if (y >= 0 && x >= 0 && y + rows <= side && x + rows <= side) {
#pragma GCC unroll 16
        for (int i = 0; i < rows * rows; i++)
            out[i] = pixel_load(
                base, first + (i / rows * side + i % rows) * BLOCK, bf16);
        return;
    }
    for (int i = 0; i < rows * rows; i++) {
        int v = y + i / rows, u = x + i % rows;
        bool inside = v >= 0 && v < side && u >= 0 && u < side;
        out[i] = inside ? pixel_load(base, plane + (v * side + u) * BLOCK, bf16)
                        : _mm512_setzero_ps();
    }
}

/* Loads and transforms the 4 x 4 pixels of the source on which the 2 x 2
 * results at `at` depend: first down the columns, then along the rows. */
VECTORS_INLINE void source_tile(__m512 out[ELEMENTS], const void *base,
                                ptrdiff_t plane, int side,
                                struct tile_position at, const bool bf16)
{
    __m512 d[ELEMENTS], t[ELEMENTS];
    tile_load(d, base, plane, side, at.y - 1, at.x - 1, 4, bf16);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        t[i] = d[i] - d[8 + i];
        t[4 + i] = d[4 + i] + d[8 + i];
        t[8 + i] = d[8 + i] - d[4 + i];
        t[12 + i] = d[4 + i] - d[12 + i];
    }
#pragma GCC unroll 4
    for (int i = 0; i < ELEMENTS; i += 4) {
        out[i] = t[i] - t[i + 2];
        out[i + 1] = t[i + 1] + t[i + 2];
        out[i + 2] = t[i + 2] - t[i + 1];
        out[i + 3] = t[i + 1] - t[i + 3];
    }
}

/* Rounds two vectors to bf16 and interleaves them: one[0], two[0], one[1], …
 * The processor's dot product takes its operands in such pairs. */
VECTORS_INLINE __m512i pairs(__m512 one, __m512 two)
{
    const __m512i order = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22,
        6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order,
                                    (__m512i)_mm512_cvtne2ps_pbh(two, one));
}

/* Adds to each of 16 sums the product of *word, which is the same for all, and
 * of a word of `by`. A word is 32 bits: two bf16, whose two products are both
 * added, or one float. */
VECTORS_INLINE void product_add(__m512 *sum, const void *word, __m512i by,
                                const bool bf16)
{
    typedef int32_t bits __attribute__((may_alias));
    __m512i spread = _mm512_set1_epi32(*(const bits *)word);
    *sum = bf16 ? _mm512_dpbf16_ps(*sum, (__m512bh)spread, (__m512bh)by)
                : _mm512_fmadd_ps((__m512)spread, (__m512)by, *sum);
}

#endif
#endif
