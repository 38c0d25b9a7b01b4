/*
 * The transformation of a kernel, each time that it is used: the transformed
 * one is four times as large, and reading it from memory would take as long.
 */
#include "trainer/loops/winograd_f32.h"

#include "trainer/loops/winograd_f32_inside.h"

enum {
    TAPS_ALL = TAPS * TAPS,
    SQUARE = BLOCK * BLOCK, /* values of a tap for a block by a block */
};

/* Transforms a column or row of a kernel: three vectors, `step` apart, to six.
 */
VECTORS_INLINE void kernel_line(vec *out, int out_step, const vec *g, int step)
{
    vec even1 = 1 / N1 * g[0] + S1 / N1 * g[2 * step];
    vec odd1 = P1 / N1 * g[step];
    vec even2 = 1 / N2 * g[0] + S2 / N2 * g[2 * step];
    vec odd2 = P2 / N2 * g[step];
    out[0] = 1 / N0 * g[0];
    out[out_step] = even1 + odd1;
    out[2 * out_step] = even1 - odd1;
    out[3 * out_step] = even2 + odd2;
    out[4 * out_step] = even2 - odd2;
    out[5 * out_step] = g[2 * step];
}

VECTORS_INLINE void kernel_tile(vec out[ELEMENTS], const vec tap[TAPS_ALL])
{
    vec rows[TILE * TAPS];
#pragma GCC unroll 3
    for (int x = 0; x < TAPS; x++)
        kernel_line(rows + x, TAPS, tap + x, TAPS);
#pragma GCC unroll 6
    for (int y = 0; y < TILE; y++)
        kernel_line(out + y * TILE, 1, rows + y * TAPS, 1);
}

#define SHUFFLE __builtin_shufflevector

/* Turns 8 x 8 values around: out[i] has value i of each vector of `in`. */
VECTORS_INLINE void square_turn(vec out[BLOCK], const vec in[BLOCK])
{
    vec pair[BLOCK], four[BLOCK];

    for (int i = 0; i < BLOCK; i += 2) {
        vec a = in[i], b = in[i + 1];
        pair[i] = SHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
        pair[i + 1] = SHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < BLOCK; i += 4)
        for (int j = 0; j < 2; j++) {
            vec a = pair[i + j], b = pair[i + j + 2];
            four[i + 2 * j] = SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
            four[i + 2 * j + 1] = SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; i++) {
        vec a = four[i], b = four[i + 4];
        out[i] = SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
        out[i + 4] = SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* Loads the taps of one block by another, [8 from][9 taps] of 8 outputs each.
 * On the way back they are turned by 180 degrees, and the vectors are of the
 * kernel's inputs. */
VECTORS_INLINE void block_load(vec tap[BLOCK][TAPS_ALL], const float *block,
                               const bool back)
{
    for (int i = 0; i < TAPS_ALL; i++) {
        const vec *from = (const vec *)(block + i * SQUARE);
        vec turned[BLOCK];
        if (back)
            square_turn(turned, from);
        for (int c = 0; c < BLOCK; c++)
            tap[c][back ? TAPS_ALL - 1 - i : i] = back ? turned[c] : from[c];
    }
}

static const float *block_of(const struct winograd_f32 *w, int in, int out)
{
    int at = w->back ? in * (w->out / BLOCK) + out : out * (w->in / BLOCK) + in;
    return w->kernel + (size_t)at * TAPS_ALL * SQUARE;
}

/* Transforms a block of inputs by a panel of outputs, two blocks of them. */
VECTORS_INLINE void panel_transform(const struct winograd_f32 *w, float *to,
                                    int in, int panel, const bool back)
{
    vec tap[2][BLOCK][TAPS_ALL];
    size_t each = panel_element(w->in);

    block_load(tap[0], block_of(w, in, 2 * panel), back);
    block_load(tap[1], block_of(w, in, 2 * panel + 1), back);
    to += (size_t)in * BLOCK * PANEL;
    for (int c = 0; c < BLOCK; c++, to += PANEL) {
        vec tile[2][ELEMENTS];
        kernel_tile(tile[0], tap[0][c]);
        kernel_tile(tile[1], tap[1][c]);
        for (int e = 0; e < ELEMENTS; e++) {
            *(vec *)(to + e * each) = tile[0][e];
            *(vec *)(to + e * each + BLOCK) = tile[1][e];
        }
    }
}

VECTORS void winograd_f32_panel(const struct winograd_f32 *w, float *to, int in,
                                int panel)
{
    if (w->back)
        panel_transform(w, to, in, panel, true);
    else
        panel_transform(w, to, in, panel, false);
}
