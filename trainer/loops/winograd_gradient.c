/*
 * The gradient of a kernel. All threads work on the same stage, some of the
 * tiles: first they transform the tiles of the source and of the result's
 * gradient, then, for each unit of 8 inputs by 32 outputs, they add the
 * products of both to the unit's sums, element by element. With the last stage
 * the sums of a unit, 4 x 4 for each input and output, are transformed to the
 * 3 x 3 of the kernel's gradient.
 *
 * A unit belongs to one thread, which adds its tiles in their order; so the
 * sums are the same bits with any number of threads.
 *
 * Reference: expected_gradient() of winograd_test.c.
 */
#include "trainer/loops/winograd.h"
#include "trainer/loops/winograd_inside.h"

#include <string.h>

#ifdef __x86_64__

enum {
    /* Inputs of a unit. Their sums for 32 outputs take 16 of AVX-512's 32
     * registers; more would not divide a block of 16 channels, or leave no
     * register for what is multiplied. */
    ROWS = 8,
    /* Transformed source and gradient of one stage. They are read once for
     * each unit, by all threads, so they have to stay in the caches of the
     * second and third level; and a smaller stage loads and stores the sums
     * more often. On one thread of a Xeon with 2 MiB of second-level cache,
     * 1 MiB is 6 to 8 % faster with 64 or 128 channels and no faster with
     * 256; 16 MiB are 5 to 17 % slower. */
    STAGE_BYTES = 4 << 20,
    /* A stage has at least so many words, however many channels there are: a
     * unit's sums are loaded and stored once in a stage, which takes as long
     * as a few words do. Twice as many or fewer are one stage. */
    WORDS_LEAST = 128,
    /* Words that a thread transforms at a time. Many small portions are shared
     * evenly among the threads. */
    WORDS_GRAIN = 16,
    TAPS = 9,            /* elements of a kernel */
    UNIT = ROWS * PANEL, /* sums of a unit for one element */
};

/* What a step of the products is counted in: a word has one channel of two
 * tiles in bf16, or of one tile in f32. */
struct work {
    const struct winograd_gradient *g;
    int all;            /* words of all pictures */
    int capacity;       /* words of a stage */
    int first, count;   /* words of the present stage */
    uint32_t *source;   /* [16 elements][in / 16][capacity][16] */
    uint32_t *d_result; /* [16 elements][out / 16][capacity][16] */
    /* [out / 32][in / 8][16 elements][8][32]; not used with a single stage */
    float *sums;
};

static int word_tiles(const struct winograd_gradient *g)
{
    return g->bf16 ? 2 : 1;
}

static int words_all(const struct winograd_gradient *g)
{
    int aside = tiles_aside(g->side, STEP), tiles = g->n * aside * aside;
    return (tiles + word_tiles(g) - 1) / word_tiles(g);
}

/* Words of a stage; all stages but the last have this size. */
static int words_at_once(const struct winograd_gradient *g)
{
    int all = words_all(g);
    int most =
        STAGE_BYTES / (ELEMENTS * (g->in + g->out) * (int)sizeof(uint32_t));
    most = most < WORDS_LEAST ? WORDS_LEAST : most;
    int parts = all <= 2 * WORDS_LEAST ? 1 : (all + most - 1) / most;
    return (all + parts - 1) / parts;
}

/* Transforming */

/* Transforms a column or row of the result's gradient: two vectors to four,
 * `step` apart. */
VECTORS_INLINE void spread(__m512 *out, int step, __m512 one, __m512 two)
{
    const __m512 half = _mm512_set1_ps(0.5f);
    out[0] = one;
    out[step] = (one + two) * half;
    out[2 * step] = (one - two) * half;
    out[3 * step] = two;
}

/* Loads and transforms the 2 x 2 pixels of the result's gradient at `at`. */
VECTORS_INLINE void result_tile(__m512 out[ELEMENTS], const void *base,
                                ptrdiff_t plane, int side,
                                struct tile_position at, const bool bf16)
{
    __m512 d[4], t[8];
    tile_load(d, base, plane, side, at.y, at.x, 2, bf16);
    spread(t, 2, d[0], d[2]);
    spread(t + 1, 2, d[1], d[3]);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        spread(out + 4 * i, 1, t[2 * i], t[2 * i + 1]);
}

/* One of the two factors: the source, or the gradient of the result. */
struct side {
    const void *from; /* activations */
    int channels;
    bool source;  /* which of the two it is */
    uint32_t *to; /* [16 elements][channels / 16][capacity][16] */
};

/* Transforms the tile at *at, of one block of channels, and moves *at on. Tiles
 * behind the last picture, which fill up the last word, are 0. */
VECTORS_INLINE void tile_transform(__m512 out[ELEMENTS], const struct work *w,
                                   const struct side *s, int block,
                                   struct tile_position *at, const bool bf16)
{
    const struct winograd_gradient *g = w->g;
    ptrdiff_t plane = ((ptrdiff_t)at->picture * (s->channels / BLOCK) + block) *
                      g->side * g->side * BLOCK;
    if (at->picture >= g->n)
        memset(out, 0, ELEMENTS * sizeof *out);
    else if (s->source)
        source_tile(out, s->from, plane, g->side, *at, bf16);
    else
        result_tile(out, s->from, plane, g->side, *at, bf16);
    tile_position_next(at, g->side, STEP);
}

/* Transforms words first to end - 1 of the stage, of one block of channels. */
VECTORS_INLINE void words_transform(const struct work *w, const struct side *s,
                                    int block, int first, int end,
                                    const bool bf16)
{
    size_t each = (size_t)s->channels / BLOCK * w->capacity * BLOCK;
    uint32_t *to = s->to + ((size_t)block * w->capacity + first) * BLOCK;
    struct tile_position at = tile_position_of(
        w->g->side, STEP, word_tiles(w->g) * (w->first + first));
    __m512 one[ELEMENTS], two[ELEMENTS];

    for (int word = first; word < end; word++, to += BLOCK) {
        tile_transform(one, w, s, block, &at, bf16);
        if (bf16)
            tile_transform(two, w, s, block, &at, bf16);
#pragma GCC unroll 16
        for (int i = 0; i < ELEMENTS; i++)
            _mm512_store_si512(to + i * each,
                               bf16 ? pairs(one[i], two[i]) : (__m512i)one[i]);
    }
}

VECTORS static void part_transform(const struct work *w, const struct side *s,
                                   int block, int first)
{
    int end = first + WORDS_GRAIN < w->count ? first + WORDS_GRAIN : w->count;
    if (w->g->bf16)
        words_transform(w, s, block, first, end, true);
    else
        words_transform(w, s, block, first, end, false);
}

/* To be called by all threads of a team. */
static void side_transform(const struct work *w, const struct side *s)
{
#pragma omp for collapse(2) schedule(static) nowait
    for (int block = 0; block < s->channels / BLOCK; block++)
        for (int first = 0; first < w->count; first += WORDS_GRAIN)
            part_transform(w, s, block, first);
}

/* Products */

/* [8][32] sums += the sum over `count` words of source [8] by d_result [32].
 * `next` is the distance between the two blocks of 16 outputs. */
VECTORS_INLINE void words_multiply(float *sums, const uint32_t *source,
                                   const uint32_t *d_result, size_t next,
                                   int count, const bool bf16)
{
    __m512 a[ROWS], b[ROWS];
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++) {
        a[i] = _mm512_load_ps(sums + i * PANEL);
        b[i] = _mm512_load_ps(sums + i * PANEL + BLOCK);
    }
    for (int t = 0; t < count; t++, source += BLOCK, d_result += BLOCK) {
        __m512i d0 = _mm512_load_si512(d_result);
        __m512i d1 = _mm512_load_si512(d_result + next);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            product_add(&a[i], source + i, d0, bf16);
            product_add(&b[i], source + i, d1, bf16);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++) {
        _mm512_store_ps(sums + i * PANEL, a[i]);
        _mm512_store_ps(sums + i * PANEL + BLOCK, b[i]);
    }
}

/* words_multiply() for the words of the stage and one element of a unit. */
VECTORS static void sums_add(const struct work *w, float *sums,
                             const uint32_t *source, const uint32_t *d_result)
{
    size_t next = (size_t)w->capacity * BLOCK;
    if (w->g->bf16)
        words_multiply(sums, source, d_result, next, w->count, true);
    else
        words_multiply(sums, source, d_result, next, w->count, false);
}

/* Transforms a column or row of sums: four vectors, `step` apart, to three
 * taps, `out_step` apart. */
VECTORS_INLINE void gather(__m512 *out, int out_step, const __m512 *d, int step)
{
    out[0] = d[0] + d[step] + d[2 * step];
    out[out_step] = d[step] - d[2 * step];
    out[2 * out_step] = d[step] + d[2 * step] - d[3 * step];
}

/* Transforms the sums of one input by 16 outputs and stores the 9 taps. */
VECTORS_INLINE void taps_store(float *to, const float *sums)
{
    __m512 d[ELEMENTS], t[12], tap[TAPS];

#pragma GCC unroll 16
    for (int i = 0; i < ELEMENTS; i++)
        d[i] = _mm512_load_ps(sums + i * UNIT);
#pragma GCC unroll 4
    for (int x = 0; x < 4; x++)
        gather(t + x, 4, d + x, 4);
#pragma GCC unroll 3
    for (int y = 0; y < 3; y++)
        gather(tap + 3 * y, 1, t + 4 * y, 1);
#pragma GCC unroll 9
    for (int i = 0; i < TAPS; i++)
        _mm512_store_ps(to + i * BLOCK * BLOCK, tap[i]);
}

/* Stores the gradient of a unit's 8 inputs (`rows` counts such groups) by 32
 * outputs. */
VECTORS static void unit_store(const struct winograd_gradient *g, int rows,
                               int panel, const float *sums)
{
    for (int half = 0; half < 2; half++)
        for (int i = 0; i < ROWS; i++) {
            int in = rows * ROWS + i;
            size_t block =
                (size_t)(2 * panel + half) * (g->in / BLOCK) + in / BLOCK;
            taps_store(g->d_kernel +
                           (block * TAPS * BLOCK + in % BLOCK) * BLOCK,
                       sums + i * PANEL + half * BLOCK);
        }
}

/* Adds the stage's products to a unit's sums, and stores the gradient with the
 * last stage. Where one stage has all tiles, the sums live on the stack. */
static void unit_run(const struct work *w, int rows, int panel)
{
    const struct winograd_gradient *g = w->g;
    _Alignas(64) float here[ELEMENTS * UNIT];
    bool begins = w->first == 0, ends = w->first + w->count == w->all;
    size_t unit = (size_t)panel * (g->in / ROWS) + rows;
    float *sums = begins && ends ? here : w->sums + unit * ELEMENTS * UNIT;
    size_t block = (size_t)w->capacity * BLOCK;

    if (begins)
        memset(sums, 0, sizeof here);
    for (int i = 0; i < ELEMENTS; i++) {
        const uint32_t *source =
            w->source + ((size_t)i * (g->in / BLOCK) + rows / 2) * block;
        const uint32_t *d_result =
            w->d_result + ((size_t)i * (g->out / BLOCK) + 2 * panel) * block;
        sums_add(w, sums + i * UNIT, source + rows % 2 * ROWS, d_result);
    }
    if (ends)
        unit_store(g, rows, panel, sums);
}

static void units_run(const struct work *w)
{
#pragma omp for collapse(2) schedule(static)
    for (int panel = 0; panel < w->g->out / PANEL; panel++)
        for (int rows = 0; rows < w->g->in / ROWS; rows++)
            unit_run(w, rows, panel);
}

/* All stages */

/* Words of one transformed side. */
static size_t side_size(int channels, int capacity)
{
    return (size_t)ELEMENTS * channels * capacity;
}

size_t winograd_gradient_work(const struct winograd_gradient *g)
{
    int capacity = words_at_once(g);
    size_t sums =
        capacity < words_all(g) ? (size_t)ELEMENTS * g->in * g->out : 0;
    return (side_size(g->in, capacity) + side_size(g->out, capacity)) *
               sizeof(uint32_t) +
           sums * sizeof(float);
}

/* To be called by all threads of a team, each with a copy of `w`. */
static void stages_run(struct work w)
{
    const struct winograd_gradient *g = w.g;
    const struct side source = {g->source, g->in, true, w.source};
    const struct side d_result = {g->d_result, g->out, false, w.d_result};

    for (; w.first < w.all; w.first += w.capacity) {
        w.count = w.capacity < w.all - w.first ? w.capacity : w.all - w.first;
        side_transform(&w, &source);
        side_transform(&w, &d_result);
#pragma omp barrier
        units_run(&w);
    }
}

void winograd_gradient(const struct winograd_gradient *g)
{
    int capacity = words_at_once(g);
    uint32_t *source = g->work;
    uint32_t *d_result = source + side_size(g->in, capacity);
    struct work w = {
        .g = g,
        .all = words_all(g),
        .capacity = capacity,
        .source = source,
        .d_result = d_result,
        .sums = (float *)(d_result + side_size(g->out, capacity)),
    };

#pragma omp parallel
    stages_run(w);
}

#else

size_t winograd_gradient_work(const struct winograd_gradient *g)
{
    (void)g;
    return 0;
}

void winograd_gradient(const struct winograd_gradient *g)
{
    (void)g;
}

#endif
