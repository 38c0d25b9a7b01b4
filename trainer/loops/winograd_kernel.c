#include "trainer/loops/winograd.h"
#include "trainer/loops/winograd_inside.h"

#ifdef __x86_64__

enum { TAPS = 9, SQUARE = BLOCK * BLOCK };

/* Of three numbers, `step` apart: their four. */
VECTORS_INLINE void spread(__m512 *out, int out_step, const __m512 *g, int step)
{
    const __m512 half = _mm512_set1_ps(0.5f);
    __m512 ends = (g[0] + g[2 * step]) * half, middle = g[step] * half;
    out[0] = g[0];
    out[out_step] = ends + middle;
    out[2 * out_step] = ends - middle;
    out[3 * out_step] = g[2 * step];
}

VECTORS_INLINE void kernel_tile(__m512 out[PLACES], const __m512 tap[TAPS])
{
    __m512 rows[12];
#pragma GCC unroll 3
    for (int x = 0; x < 3; x++)
        spread(rows + x, 3, tap + x, 3);
#pragma GCC unroll 4
    for (int y = 0; y < 4; y++)
        spread(out + 4 * y, 1, rows + 3 * y, 1);
}

/* The taps of 16 outputs for one input; or, turned around, of 16 inputs for
 * one output. */
VECTORS_INLINE void taps_of_outputs(__m512 tap[TAPS], const float *block,
                                    int in, __m512 scale)
{
#pragma GCC unroll 9
    for (int i = 0; i < TAPS; i++)
        tap[i] = _mm512_load_ps(block + i * SQUARE + in * BLOCK) * scale;
}

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

/* One block of inputs with one of outputs. */
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
        __m512 tap[2][TAPS], tile[2][PLACES];
        for (int i = 0; i < 2; i++) {
            if (k->back)
                taps_of_inputs(tap[i], block, c + i);
            else
                taps_of_outputs(tap[i], block, c + i, scale);
            kernel_tile(tile[i], tap[i]);
        }
        for (int p = 0; p < PLACES; p++)
            _mm512_store_si512(first + (size_t)p * k->in * k->out + c * PANEL,
                               pairs(tile[0][p], tile[1][p]));
    }
}

/* [16 places][to / 32][from / 2][32 to][2 from] */
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
