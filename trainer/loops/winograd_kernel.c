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

/* Loads the taps of 16 inputs for one output, turned by 180 degrees: the kernel
 * with which gradients go back from an output to its inputs. */
VECTORS_INLINE void taps_of_inputs(__m512 tap[TAPS], const float *block,
                                   int out)
{
    const __m512i inputs = _mm512_setr_epi32(
        0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240);
#pragma GCC unroll 9
    for (int i = 0; i < TAPS; i++)
        tap[i] = _mm512_i32gather_ps(
            inputs, block + (TAPS - 1 - i) * SQUARE + out, sizeof(float));
}

/* Transforms one block of inputs by one of outputs. `from` and `to` are the
 * blocks that the convolution will read and write: inputs and outputs, or, on
 * the way back, the other way round. */
VECTORS static void block_transform(const struct winograd_kernel *k, int out,
                                    int in)
{
    const float *block =
        k->master + ((size_t)out * (k->in / BLOCK) + in) * TAPS * SQUARE;
    int from = k->back ? out : in, to = k->back ? in : out;
    int all = k->back ? k->out : k->in;
    __m512 scale =
        k->scale ? _mm512_loadu_ps(k->scale + out * BLOCK) : _mm512_set1_ps(1);
    uint16_t *first =
        k->to + ((size_t)to / 2 * all + from * BLOCK) * PANEL + to % 2 * PANEL;

    for (int c = 0; c < BLOCK; c += 2) {
        __m512 tap[2][TAPS], tile[2][ELEMENTS];
        for (int i = 0; i < 2; i++) {
            if (k->back)
                taps_of_inputs(tap[i], block, c + i);
            else
                taps_of_outputs(tap[i], block, c + i, scale);
            kernel_tile(tile[i], tap[i]);
        }
        for (int p = 0; p < ELEMENTS; p++)
            _mm512_store_si512(first + (size_t)p * k->in * k->out + c * PANEL,
                               pairs(tile[0][p], tile[1][p]));
    }
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
