/*
 * The transformation of a convolution's 3 x 3 kernel to the 4 x 4 elements
 * that its source is multiplied by. It is done once for each use of a kernel,
 * and its time is small beside that of the convolution.
 *
 * Reference: winograd_test.c transforms its kernels with this function, and
 * compares the convolutions that use them.
 */
#include "trainer/loops/winograd.h"
#include "trainer/loops/winograd_inside.h"

#ifdef __x86_64__

enum {
    TAPS = 9,               /* elements of a kernel */
    SQUARE = BLOCK * BLOCK, /* values of a tap for a block by a block */
    /* Quarters of two vectors: 0 and 2 of either, or 1 and 3. */
    EVEN = 0x88,
    ODD = 0xdd,
};

/* Transforms a column or row of a kernel: three vectors, `step` apart, to four,
 * `out_step` apart. */
VECTORS_INLINE void spread(__m512 *out, int out_step, const __m512 *g, int step)
{
    const __m512 half = _mm512_set1_ps(0.5f);
    __m512 ends = (g[0] + g[2 * step]) * half, middle = g[step] * half;
    out[0] = g[0];
    out[out_step] = ends + middle;
    out[2 * out_step] = ends - middle;
    out[3 * out_step] = g[2 * step];
}

VECTORS_INLINE void kernel_tile(__m512 out[ELEMENTS], const __m512 tap[TAPS])
{
    __m512 rows[12];
#pragma GCC unroll 3
    for (int x = 0; x < 3; x++)
        spread(rows + x, 3, tap + x, 3);
#pragma GCC unroll 4
    for (int y = 0; y < 4; y++)
        spread(out + 4 * y, 1, rows + 3 * y, 1);
}

/* Loads the taps of 16 outputs for one input. */
VECTORS_INLINE void taps_of_outputs(__m512 tap[TAPS], const float *block,
                                    int in, __m512 scale)
{
#pragma GCC unroll 9
    for (int i = 0; i < TAPS; i++)
        tap[i] = _mm512_load_ps(block + i * SQUARE + in * BLOCK) * scale;
}

/* Where a block's transformed kernel begins: element 0 of its first two inputs
 * `from`, which the convolution reads, and of its 16 outputs `to`. */
INLINE uint16_t *block_at(const struct winograd_kernel *k, int from, int to)
{
    int all = k->back ? k->out : k->in;
    return k->to + ((size_t)to / 2 * all + from * BLOCK) * PANEL +
           to % 2 * PANEL;
}

/* Transforms one block of inputs by one of outputs. */
VECTORS static void block_forward(const struct winograd_kernel *k, int out,
                                  int in, const float *block)
{
    __m512 scale =
        k->scale ? _mm512_loadu_ps(k->scale + out * BLOCK) : _mm512_set1_ps(1);
    uint16_t *first = block_at(k, in, out);

    for (int c = 0; c < BLOCK; c += 2) {
        __m512 tap[2][TAPS], tile[2][ELEMENTS];
        for (int i = 0; i < 2; i++) {
            taps_of_outputs(tap[i], block, c + i, scale);
            kernel_tile(tile[i], tap[i]);
        }
        for (int p = 0; p < ELEMENTS; p++)
            _mm512_store_si512(first + (size_t)p * k->in * k->out + c * PANEL,
                               pairs(tile[0][p], tile[1][p]));
    }
}

/* Turns 16 rows of 16 words to 16 columns. */
VECTORS_INLINE void words_transpose(__m512i column[BLOCK],
                                    const __m512i row[BLOCK])
{
    __m512i fours[BLOCK]; /* [rows / 4][4]: 4 rows of each fourth column */
#pragma GCC unroll 4
    for (int i = 0; i < BLOCK; i += 4) {
        __m512i a = _mm512_unpacklo_epi32(row[i], row[i + 1]);
        __m512i b = _mm512_unpackhi_epi32(row[i], row[i + 1]);
        __m512i c = _mm512_unpacklo_epi32(row[i + 2], row[i + 3]);
        __m512i d = _mm512_unpackhi_epi32(row[i + 2], row[i + 3]);
        fours[i] = _mm512_unpacklo_epi64(a, c);
        fours[i + 1] = _mm512_unpackhi_epi64(a, c);
        fours[i + 2] = _mm512_unpacklo_epi64(b, d);
        fours[i + 3] = _mm512_unpackhi_epi64(b, d);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m512i a = _mm512_shuffle_i32x4(fours[i], fours[4 + i], EVEN);
        __m512i b = _mm512_shuffle_i32x4(fours[i], fours[4 + i], ODD);
        __m512i c = _mm512_shuffle_i32x4(fours[8 + i], fours[12 + i], EVEN);
        __m512i d = _mm512_shuffle_i32x4(fours[8 + i], fours[12 + i], ODD);
        column[i] = _mm512_shuffle_i32x4(a, c, EVEN);
        column[4 + i] = _mm512_shuffle_i32x4(b, d, EVEN);
        column[8 + i] = _mm512_shuffle_i32x4(a, c, ODD);
        column[12 + i] = _mm512_shuffle_i32x4(b, d, ODD);
    }
}

/* Transforms one block for the way back: the kernel is turned by 180 degrees,
 * and its outputs are what is read. Turning it turns the transformed elements,
 * too, but for the sums in the middle, which are symmetric. So the block is
 * transformed as for the way forward, with a vector of outputs for each input,
 * and pairs of outputs, which are words then, are transposed. Gathering 16
 * inputs for each output instead takes twice as long. */
VECTORS static void block_back(const struct winograd_kernel *k, int out, int in,
                               const float *block)
{
    static const unsigned char turned[ELEMENTS] = {15, 13, 14, 12, 7, 5, 6, 4,
                                                   11, 9,  10, 8,  3, 1, 2, 0};
    __m512i row[ELEMENTS / 2][BLOCK]; /* words of two elements, by inputs */
    uint16_t *first = block_at(k, out, in);

    for (int c = 0; c < BLOCK; c++) {
        __m512 tap[TAPS], tile[ELEMENTS];
        taps_of_outputs(tap, block, c, _mm512_set1_ps(1));
        kernel_tile(tile, tap);
        for (int p = 0; p < ELEMENTS; p += 2)
            row[p / 2][c] = (__m512i)_mm512_cvtne2ps_pbh(tile[turned[p + 1]],
                                                         tile[turned[p]]);
    }
    for (int p = 0; p < ELEMENTS; p += 2) {
        __m512i column[BLOCK];
        words_transpose(column, row[p / 2]);
        for (int i = 0; i < BLOCK; i++)
            _mm512_store_si512(first + (size_t)(p + i / 8) * k->in * k->out +
                                   i % 8 * 2 * PANEL,
                               column[i]);
    }
}

static void block_transform(const struct winograd_kernel *k, int out, int in)
{
    const float *block =
        k->master + ((size_t)out * (k->in / BLOCK) + in) * TAPS * SQUARE;
    if (k->back)
        block_back(k, out, in, block);
    else
        block_forward(k, out, in, block);
}

/* Writes [16 elements][to / 32][from / 2][32 to][2 from]. */
void winograd_kernel(const struct winograd_kernel *k)
{
#pragma omp parallel for collapse(2) schedule(static)
    for (int out = 0; out < k->out / BLOCK; out++)
        for (int in = 0; in < k->in / BLOCK; in++)
            block_transform(k, out, in);
}

#else

void winograd_kernel(const struct winograd_kernel *k)
{
    (void)k;
}

#endif

size_t winograd_kernel_size(int in, int out)
{
    return (size_t)in * out * 16 * sizeof(uint16_t);
}
