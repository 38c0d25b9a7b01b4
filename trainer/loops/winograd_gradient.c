/* Some tiles at a time, by all threads: source and the result's gradient are
 * transformed, and their products added up, place by place, for 8 inputs and
 * 32 outputs; with the last tiles the sums are transformed to the kernel's. */
#include "trainer/loops/winograd.h"
#include "trainer/loops/winograd_inside.h"

#include <string.h>

#ifdef __x86_64__

enum {
    ROWS = 8,          /* inputs whose sums stay in registers */
    PIECES = 4 << 20,  /* bytes of transformed source and gradient */
    WORDS_LEAST = 128, /* at a time */
    WORDS = 16,        /* that a thread transforms at a time */
    TAPS = 9,
    UNIT = ROWS * PANEL, /* sums of a place that are added to at once */
};

/* A word has a channel of two tiles in bf16, of one in f32. */
struct work {
    const struct winograd_gradient *g;
    int all, room;      /* words: all; at a time */
    int first, count;   /* words: those of now */
    uint32_t *source;   /* [16 places][in / 16][room][16] */
    uint32_t *d_result; /* [16 places][out / 16][room][16] */
    /* [out / 32][in / 8][16 places][8][32]; NULL = all fit at once */
    float *sums;
};

static int word_tiles(const struct winograd_gradient *g)
{
    return g->bf16 ? 2 : 1;
}

static int words_all(const struct winograd_gradient *g)
{
    int aside = tiles_aside(g->side), tiles = g->n * aside * aside;
    return (tiles + word_tiles(g) - 1) / word_tiles(g);
}

static int words_at_once(const struct winograd_gradient *g)
{
    int all = words_all(g);
    int most = PIECES / (PLACES * (g->in + g->out) * (int)sizeof(uint32_t));
    most = most < WORDS_LEAST ? WORDS_LEAST : most;
    int parts = all <= 2 * WORDS_LEAST ? 1 : (all + most - 1) / most;
    return (all + parts - 1) / parts;
}

/* Transforming */

/* Of the result's gradient: two numbers to four. */
VECTORS_INLINE void spread(__m512 *out, int step, __m512 one, __m512 two)
{
    const __m512 half = _mm512_set1_ps(0.5f);
    out[0] = one;
    out[step] = (one + two) * half;
    out[2 * step] = (one - two) * half;
    out[3 * step] = two;
}

VECTORS_INLINE void result_tile(__m512 out[PLACES], const void *base,
                                ptrdiff_t plane, int side, struct place at,
                                const bool bf16)
{
    __m512 d[4], t[8];
    tile_load(d, base, plane, side, at.y, at.x, 2, bf16);
    spread(t, 2, d[0], d[2]);
    spread(t + 1, 2, d[1], d[3]);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        spread(out + 4 * i, 1, t[2 * i], t[2 * i + 1]);
}

/* Either, of one block of channels. */
struct side {
    const void *from;
    int channels;
    bool source;
    uint32_t *to;
};

/* And on to the next place. */
VECTORS_INLINE void tile_transform(__m512 out[PLACES], const struct work *w,
                                   const struct side *s, int block,
                                   struct place *at, const bool bf16)
{
    const struct winograd_gradient *g = w->g;
    ptrdiff_t plane = ((ptrdiff_t)at->picture * (s->channels / BLOCK) + block) *
                      g->side * g->side * BLOCK;
    if (at->picture >= g->n)
        memset(out, 0, PLACES * sizeof *out);
    else if (s->source)
        source_tile(out, s->from, plane, g->side, *at, bf16);
    else
        result_tile(out, s->from, plane, g->side, *at, bf16);
    place_next(at, g->side);
}

/* Words first..end-1. */
VECTORS_INLINE void words_transform(const struct work *w, const struct side *s,
                                    int block, int first, int end,
                                    const bool bf16)
{
    size_t each = (size_t)s->channels / BLOCK * w->room * BLOCK;
    uint32_t *to = s->to + ((size_t)block * w->room + first) * BLOCK;
    struct place at =
        place_of(w->g->side, word_tiles(w->g) * (w->first + first));
    __m512 one[PLACES], two[PLACES];

    for (int word = first; word < end; word++, to += BLOCK) {
        tile_transform(one, w, s, block, &at, bf16);
        if (bf16)
            tile_transform(two, w, s, block, &at, bf16);
#pragma GCC unroll 16
        for (int i = 0; i < PLACES; i++)
            _mm512_store_si512(to + i * each,
                               bf16 ? pairs(one[i], two[i]) : (__m512i)one[i]);
    }
}

VECTORS static void part_transform(const struct work *w, const struct side *s,
                                   int block, int first)
{
    int end = first + WORDS < w->count ? first + WORDS : w->count;
    if (w->g->bf16)
        words_transform(w, s, block, first, end, true);
    else
        words_transform(w, s, block, first, end, false);
}

static void side_transform(const struct work *w, const struct side *s)
{
#pragma omp for collapse(2) schedule(static) nowait
    for (int block = 0; block < s->channels / BLOCK; block++)
        for (int first = 0; first < w->count; first += WORDS)
            part_transform(w, s, block, first);
}

/* Products */

/* Of 8 inputs and 32 outputs. */
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

VECTORS static void sums_add(const struct work *w, float *sums,
                             const uint32_t *source, const uint32_t *d_result)
{
    size_t next = (size_t)w->room * BLOCK;
    if (w->g->bf16)
        words_multiply(sums, source, d_result, next, w->count, true);
    else
        words_multiply(sums, source, d_result, next, w->count, false);
}

/* Of four sums, three taps. */
VECTORS_INLINE void gather(__m512 *out, int out_step, const __m512 *d, int step)
{
    out[0] = d[0] + d[step] + d[2 * step];
    out[out_step] = d[step] - d[2 * step];
    out[2 * out_step] = d[step] + d[2 * step] - d[3 * step];
}

/* Of one input and 16 outputs. */
VECTORS_INLINE void taps_store(float *to, const float *sums)
{
    __m512 d[PLACES], t[12], tap[TAPS];

#pragma GCC unroll 16
    for (int i = 0; i < PLACES; i++)
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

/* In all places; where the tiles are all there, sums need no memory. */
static void unit_run(const struct work *w, int rows, int panel)
{
    const struct winograd_gradient *g = w->g;
    _Alignas(64) float here[PLACES * UNIT];
    bool begins = w->first == 0, ends = w->first + w->count == w->all;
    size_t unit = (size_t)panel * (g->in / ROWS) + rows;
    float *sums = begins && ends ? here : w->sums + unit * PLACES * UNIT;
    size_t block = (size_t)w->room * BLOCK;

    if (begins)
        memset(sums, 0, sizeof here);
    for (int i = 0; i < PLACES; i++) {
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

/* All */

static size_t piece_size(int channels, int room)
{
    return (size_t)PLACES * channels * room; /* in words */
}

size_t winograd_gradient_work(const struct winograd_gradient *g)
{
    int room = words_at_once(g);
    size_t sums = room < words_all(g) ? (size_t)PLACES * g->in * g->out : 0;
    return (piece_size(g->in, room) + piece_size(g->out, room)) *
               sizeof(uint32_t) +
           sums * sizeof(float);
}

static void tiles_run(struct work w)
{
    const struct winograd_gradient *g = w.g;
    const struct side source = {g->source, g->in, true, w.source};
    const struct side d_result = {g->d_result, g->out, false, w.d_result};

    for (; w.first < w.all; w.first += w.room) {
        w.count = w.room < w.all - w.first ? w.room : w.all - w.first;
        side_transform(&w, &source);
        side_transform(&w, &d_result);
#pragma omp barrier
        units_run(&w);
    }
}

void winograd_gradient(const struct winograd_gradient *g)
{
    int room = words_at_once(g);
    uint32_t *source = g->work;
    uint32_t *d_result = source + piece_size(g->in, room);
    struct work w = {
        .g = g,
        .all = words_all(g),
        .room = room,
        .source = source,
        .d_result = d_result,
        .sums = (float *)(d_result + piece_size(g->out, room)),
    };

#pragma omp parallel
    tiles_run(w);
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
