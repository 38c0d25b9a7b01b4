/*
 * The gradient of a kernel. A tile of 4 x 4 pixels of the result's gradient and
 * the 6 x 6 of the source that it depends on are both transformed to 36
 * elements; their products, added up over all tiles, are transformed to the
 * 3 x 3 elements of the kernel's gradient.
 *
 * All threads work on the same stage, some of the tiles: first they transform
 * them, then, for each unit of 8 inputs by 16 outputs, they add the products to
 * the unit's sums. With the last stage the sums become the gradient. A unit
 * belongs to one thread in each stage, which adds its tiles in their order; and
 * how tiles are cut into stages depends on the shape alone. So the sums are the
 * same bits with any number of threads.
 *
 * Reference: expected_gradient() of winograd_f32_test.c.
 */
#include "trainer/loops/winograd_f32.h"

#include "trainer/loops/winograd_f32_inside.h"

#include <string.h>

enum {
    INPUTS = 4, /* that are multiplied together, by a panel of outputs: 8 sums,
                   as many as two units of multiplication take to be busy */
    UNIT = BLOCK * PANEL, /* sums of a unit for one element */
    /* Transformed source and gradient of one stage, which are read once for
     * each unit and have to stay in the caches. */
    STAGE_BYTES = 4800 << 10,
    /* A stage has at least so many tiles, as it loads and stores the sums. */
    TILES_LEAST = 64,
    /* Tiles that a thread transforms at a time. */
    GRAIN = 16,
};

/* How the work is cut. */
struct cut {
    int tiles;    /* of all pictures */
    int capacity; /* tiles of a stage; the last has the rest */
    int outs;     /* outputs that are computed at a time */
};

static struct cut cut_of(const struct winograd_f32_gradient *g)
{
    int aside = tiles_aside(g->side, STEP);
    struct cut c = {.tiles = g->n * aside * aside};
    int most = STAGE_BYTES / (ELEMENTS * (g->in + g->out) * (int)sizeof(float));

    c.capacity = least(most < TILES_LEAST ? TILES_LEAST : most, c.tiles);
    /* Their sums are kept between stages, where kernels are transformed at
     * other times; more outputs are computed later. */
    c.outs = winograd_f32_panels(g->in, g->out) * PANEL;
    return c;
}

/* A stage at work. */
struct stage {
    const struct winograd_f32_gradient *g;
    struct cut cut;
    int first, count;     /* tiles, counted through all pictures */
    int out, outs;        /* outputs that are computed */
    size_t source_each;   /* floats from one element to the next */
    size_t d_result_each; /* likewise */
    float *source;        /* [36][in / 8][capacity][8] */
    float *d_result;      /* [36][outs / 16][capacity][16] */
};

/* Transforming */

VECTORS static void source_part(const struct stage *s, int block, int first)
{
    const struct winograd_f32_gradient *g = s->g;
    size_t area = (size_t)g->side * g->side * BLOCK;
    struct tile_position at = tile_position_of(g->side, STEP, s->first + first);
    float *to = s->source + ((size_t)block * s->cut.capacity + first) * BLOCK;
    int end = least(first + GRAIN, s->count);

    for (int t = first; t < end; t++, to += BLOCK) {
        size_t plane = (size_t)at.picture * (g->in / BLOCK) + block;
        vec tile[ELEMENTS];
        source_tile(tile, g->source + plane * area, g->side, at);
        for (int e = 0; e < ELEMENTS; e++)
            *(vec *)(to + e * s->source_each) = tile[e];
        tile_position_next(&at, g->side, STEP);
    }
}

/* Transforms a column or row of the result's gradient: four vectors, `step`
 * apart, to six. */
VECTORS_INLINE void result_line(vec *out, int out_step, const vec *d, int step)
{
    vec even1 = 1 / N1 * d[0] + S1 / N1 * d[2 * step];
    vec odd1 = P1 / N1 * d[step] + P1 * S1 / N1 * d[3 * step];
    vec even2 = 1 / N2 * d[0] + S2 / N2 * d[2 * step];
    vec odd2 = P2 / N2 * d[step] + P2 * S2 / N2 * d[3 * step];
    out[0] = 1 / N0 * d[0];
    out[out_step] = even1 + odd1;
    out[2 * out_step] = even1 - odd1;
    out[3 * out_step] = even2 + odd2;
    out[4 * out_step] = even2 - odd2;
    out[5 * out_step] = d[3 * step];
}

/* Loads and transforms the 4 x 4 pixels at `at`; those behind the edge are 0.
 */
VECTORS_INLINE void result_tile(vec out[ELEMENTS], const float *plane, int side,
                                struct tile_position at)
{
    vec d[STEP * STEP], t[TILE * STEP];

    for (int i = 0; i < STEP * STEP; i++) {
        int y = at.y + i / STEP, x = at.x + i % STEP;
        d[i] = y < side && x < side
                   ? *(const vec *)(plane + (y * side + x) * BLOCK)
                   : (vec){0};
    }
#pragma GCC unroll 4
    for (int x = 0; x < STEP; x++)
        result_line(t + x, STEP, d + x, STEP);
#pragma GCC unroll 6
    for (int y = 0; y < TILE; y++)
        result_line(out + y * TILE, 1, t + y * STEP, 1);
}

/* `block` counts from the first output that is computed. */
VECTORS static void result_part(const struct stage *s, int block, int first)
{
    const struct winograd_f32_gradient *g = s->g;
    size_t area = (size_t)g->side * g->side * BLOCK;
    struct tile_position at = tile_position_of(g->side, STEP, s->first + first);
    float *to = s->d_result +
                ((size_t)(block / 2) * s->cut.capacity + first) * PANEL +
                block % 2 * BLOCK;
    int end = least(first + GRAIN, s->count);

    for (int t = first; t < end; t++, to += PANEL) {
        size_t plane = (size_t)at.picture * (g->out / BLOCK) + s->out / BLOCK;
        vec tile[ELEMENTS];
        result_tile(tile, g->d_result + (plane + block) * area, g->side, at);
        for (int e = 0; e < ELEMENTS; e++)
            *(vec *)(to + e * s->d_result_each) = tile[e];
        tile_position_next(&at, g->side, STEP);
    }
}

/* To be called by all threads of a team. `again`: the source is that of the
 * stage before. */
static void stage_transform(const struct stage *s, bool again)
{
#pragma omp for collapse(2) schedule(static) nowait
    for (int block = 0; block < s->outs / BLOCK; block++)
        for (int first = 0; first < s->count; first += GRAIN)
            result_part(s, block, first);
    if (!again) {
#pragma omp for collapse(2) schedule(static) nowait
        for (int block = 0; block < s->g->in / BLOCK; block++)
            for (int first = 0; first < s->count; first += GRAIN)
                source_part(s, block, first);
    }
#pragma omp barrier
}

/* Products */

#define SPREAD(v) ((vec){(v), (v), (v), (v), (v), (v), (v), (v)})

/* [4][16] sums += the sum over `count` tiles of source [4] by d_result [16]. */
VECTORS_INLINE void inputs_multiply(float *sums, const float *source,
                                    const float *d_result, int count)
{
    vec a[INPUTS], b[INPUTS];
#pragma GCC unroll 4
    for (int i = 0; i < INPUTS; i++) {
        a[i] = *(const vec *)(sums + i * PANEL);
        b[i] = *(const vec *)(sums + i * PANEL + BLOCK);
    }
    for (int t = 0; t < count; t++, source += BLOCK, d_result += PANEL) {
        vec d0 = *(const vec *)d_result, d1 = *(const vec *)(d_result + BLOCK);
#pragma GCC unroll 4
        for (int i = 0; i < INPUTS; i++) {
            vec value = SPREAD(source[i]);
            a[i] += value * d0;
            b[i] += value * d1;
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < INPUTS; i++) {
        *(vec *)(sums + i * PANEL) = a[i];
        *(vec *)(sums + i * PANEL + BLOCK) = b[i];
    }
}

VECTORS static void element_multiply(float *sums, const float *source,
                                     const float *d_result, int count)
{
    for (int i = 0; i < BLOCK; i += INPUTS)
        inputs_multiply(sums + i * PANEL, source + i, d_result, count);
}

/* Results */

/* Transforms a column or row of sums: six vectors, `step` apart, to three. */
VECTORS_INLINE void tap_line(vec *out, int out_step, const vec *d, int step)
{
    vec sum1 = d[step] + d[2 * step], less1 = d[step] - d[2 * step];
    vec sum2 = d[3 * step] + d[4 * step], less2 = d[3 * step] - d[4 * step];
    out[0] = d[0] + sum1 + sum2;
    out[out_step] = P1 * less1 + P2 * less2;
    out[2 * out_step] = S1 * sum1 + S2 * sum2 + d[5 * step];
}

/* Transforms the sums of one input by 8 outputs and stores the 9 taps. */
VECTORS static void taps_store(float *to, const float *sums)
{
    vec d[ELEMENTS], t[TAPS * TILE], tap[TAPS * TAPS];

    for (int e = 0; e < ELEMENTS; e++)
        d[e] = *(const vec *)(sums + e * UNIT);
#pragma GCC unroll 6
    for (int x = 0; x < TILE; x++)
        tap_line(t + x, TILE, d + x, TILE);
#pragma GCC unroll 3
    for (int y = 0; y < TAPS; y++)
        tap_line(tap + y * TAPS, 1, t + y * TILE, 1);
    for (int i = 0; i < TAPS * TAPS; i++)
        *(vec *)(to + i * BLOCK * BLOCK) = tap[i];
}

static void unit_store(const struct stage *s, int in, int panel,
                       const float *sums)
{
    const struct winograd_f32_gradient *g = s->g;
    int out = s->out / BLOCK + 2 * panel;

    for (int half = 0; half < 2; half++) {
        size_t block = (size_t)(out + half) * (g->in / BLOCK) + in;
        float *to = g->d_kernel + block * TAPS * TAPS * BLOCK * BLOCK;
        for (int i = 0; i < BLOCK; i++)
            taps_store(to + i * BLOCK, sums + i * PANEL + half * BLOCK);
    }
}

/* Adds the stage's products to the sums of a block of inputs by a panel, and
 * stores the gradient with the last stage. Where one stage has all tiles, the
 * sums live on the stack. */
static void unit_run(const struct stage *s, int in, int panel)
{
    _Alignas(64) float here[ELEMENTS * UNIT];
    bool begins = s->first == 0, ends = s->first + s->count == s->cut.tiles;
    size_t unit = (size_t)panel * (s->g->in / BLOCK) + in;
    float *sums = begins && ends ? here : s->g->form + unit * ELEMENTS * UNIT;
    const float *source = s->source + (size_t)in * s->cut.capacity * BLOCK;
    const float *d_result =
        s->d_result + (size_t)panel * s->cut.capacity * PANEL;

    if (begins)
        memset(sums, 0, sizeof here);
    for (int e = 0; e < ELEMENTS; e++)
        element_multiply(sums + e * UNIT, source + e * s->source_each,
                         d_result + e * s->d_result_each, s->count);
    if (ends)
        unit_store(s, in, panel, sums);
}

/* To be called by all threads of a team. */
static void stage_run(const struct stage *s, bool again)
{
    stage_transform(s, again);
#pragma omp for collapse(2) schedule(static)
    for (int panel = 0; panel < s->outs / PANEL; panel++)
        for (int in = 0; in < s->g->in / BLOCK; in++)
            unit_run(s, in, panel);
}

/* All stages */

size_t winograd_f32_gradient_work(const struct winograd_f32_gradient *g)
{
    struct cut c = cut_of(g);
    size_t each = (size_t)(g->in + c.outs) * c.capacity + 2 * APART;
    return ELEMENTS * each * sizeof(float);
}

/* To be called by all threads of a team, each with a copy of `s`. */
static void stages_run(struct stage s)
{
    for (s.out = 0; s.out < s.g->out; s.out += s.cut.outs) {
        s.outs = least(s.cut.outs, s.g->out - s.out);
        for (s.first = 0; s.first < s.cut.tiles; s.first += s.cut.capacity) {
            s.count = least(s.cut.capacity, s.cut.tiles - s.first);
            stage_run(&s, s.out > 0 && s.count == s.cut.tiles);
        }
    }
}

void winograd_f32_gradient(const struct winograd_f32_gradient *g)
{
    struct stage s = {.g = g, .cut = cut_of(g), .source = g->work};

    s.source_each = (size_t)g->in * s.cut.capacity + APART;
    s.d_result_each = (size_t)s.cut.outs * s.cut.capacity + APART;
    s.d_result = s.source + ELEMENTS * s.source_each;
#pragma omp parallel
    stages_run(s);
}
