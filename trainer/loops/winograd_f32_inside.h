/*
 * What the files of Winograd's algorithm in f32 share. A convolution's source
 * is cut into tiles of 6 x 6 pixels, each of which gives 4 x 4 pixels of the
 * result; so neighbouring tiles are four pixels apart and overlap by two. The
 * 36 elements of a tile are numbered row by row, before and after it is
 * transformed, and each is a vector of 8 channels.
 *
 * The algorithm evaluates polynomials at six points: 0, two numbers with both
 * signs, and infinity. The usual numbers are 1 and 2. With 5/8 and 3/2 results
 * are off by half as much, and all constants of the transformations of source
 * and result are exact.
 */
#ifndef PRIMO_WINOGRAD_F32_INSIDE_H
#define PRIMO_WINOGRAD_F32_INSIDE_H

#include "trainer/loops/lanes.h"
#include "trainer/loops/tiles.h"

/* The target of functions that work with vectors; they are called where the
 * processor has these instructions. */
#ifdef __x86_64__
#define VECTORS __attribute__((target("avx2,fma")))
#else
#define VECTORS
#endif
#define VECTORS_INLINE VECTORS INLINE

enum {
    BLOCK = LANE,      /* channels of a block, and floats of a vector */
    TILE = 6,          /* elements of a tile's side */
    STEP = 4,          /* pixels between tiles */
    TAPS = 3,          /* of a kernel's side */
    ELEMENTS = 36,     /* of a tile */
    PANEL = 2 * BLOCK, /* outputs that are multiplied together */
    ROWS = 6,          /* tiles likewise */
    /* Floats by which arrays of one element are longer than their content.
     * Without them the arrays of all elements would often begin at the same
     * lines of the caches and displace each other. */
    APART = 16,
};

/* The points of evaluation, and their powers */
#define P1 0.625f
#define P2 1.5f
#define S1 (P1 * P1)
#define S2 (P2 * P2)

/* What the terms of 0 and of these points are divided by on the side of the
 * kernel. */
#define N0 (S1 * S2)
#define N1 (2 * S1 * (S1 - S2))
#define N2 (2 * S2 * (S2 - S1))

/* Transforms a column or row of a source: six vectors, `step` apart, likewise.
 */
VECTORS_INLINE void source_line(vec *out, int out_step, const vec *d, int step)
{
    vec even1 = d[4 * step] - S2 * d[2 * step];
    vec odd1 = d[3 * step] - S2 * d[step];
    vec even2 = d[4 * step] - S1 * d[2 * step];
    vec odd2 = d[3 * step] - S1 * d[step];
    out[0] = S1 * S2 * d[0] - (S1 + S2) * d[2 * step] + d[4 * step];
    out[out_step] = even1 + P1 * odd1;
    out[2 * out_step] = even1 - P1 * odd1;
    out[3 * out_step] = even2 + P2 * odd2;
    out[4 * out_step] = even2 - P2 * odd2;
    out[5 * out_step] =
        S1 * S2 * d[step] - (S1 + S2) * d[3 * step] + d[5 * step];
}

/* Loads and transforms the 6 x 6 pixels on which the 4 x 4 results at `at`
 * depend: first down the columns, then along the rows. `plane` is where the
 * block of channels begins. */
VECTORS_INLINE void source_tile(vec out[ELEMENTS], const float *plane, int side,
                                struct tile_position at)
{
    vec d[ELEMENTS], t[ELEMENTS];
    int y = at.y - 1, x = at.x - 1;
    bool whole = y >= 0 && x >= 0 && y + TILE <= side && x + TILE <= side;

    if (whole)
        for (int i = 0; i < TILE; i++)
            for (int j = 0; j < TILE; j++)
                d[i * TILE + j] =
                    *(const vec *)(plane + ((y + i) * side + x + j) * BLOCK);
    for (int i = 0; !whole && i < ELEMENTS; i++) {
        int v = y + i / TILE, u = x + i % TILE;
        bool inside = v >= 0 && v < side && u >= 0 && u < side;
        d[i] =
            inside ? *(const vec *)(plane + (v * side + u) * BLOCK) : (vec){0};
    }
#pragma GCC unroll 6
    for (int i = 0; i < TILE; i++)
        source_line(t + i, TILE, d + i, TILE);
#pragma GCC unroll 6
    for (int i = 0; i < TILE; i++)
        source_line(out + i * TILE, 1, t + i * TILE, 1);
}

static inline int least(int a, int b)
{
    return a < b ? a : b;
}

/* Transforms the kernel of a block of 8 inputs and a panel of 16 outputs. `to`
 * is the panel's: [36 elements][w->in][16], with APART floats behind each
 * element's. */
struct winograd_f32;
void winograd_f32_panel(const struct winograd_f32 *w, float *to, int in,
                        int panel);

/* Panels of 16 outputs whose transformed kernels winograd_f32_form() has room
 * for. */
int winograd_f32_panels(int in, int out);

/* Floats of one element in a panel of the transformed kernel. */
static inline size_t panel_element(int in)
{
    return (size_t)in * PANEL + APART;
}

#endif
