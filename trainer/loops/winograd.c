/*
 * The convolution. A thread takes some tiles at a time and does three things
 * with them: it transforms their source, multiplies it by the kernel, 32
 * outputs (a panel) at a time, and transforms the products to results. The
 * number of tiles is such that what lies between these steps stays in the
 * second-level cache.
 *
 * Reference: expected() and expected_back() of winograd_test.c.
 */
#include "trainer/loops/winograd.h"

#include "trainer/loops/winograd_inside.h"

#include <omp.h>

#ifdef __x86_64__

enum {
    /* Tiles that are multiplied together, so that a vector of the kernel is
     * loaded once for all of them. Their sums for 32 outputs take 28 of the
     * 32 registers that AVX-512 has; the kernel takes two more, and the word
     * of the source that is multiplied by it one. Fewer rows are hardly
     * slower: on a Xeon with 2 MiB of second-level cache, 6 rows take at
     * most 5 % longer. */
    ROWS = 14,
    /* The transformed source of a thread's tiles is read again for each
     * panel of outputs, so it has to stay in the second-level cache, beside
     * the products (112 KiB at most) and one element's part of the kernel's
     * panel (32 KiB for 512 inputs). 384 KiB leave room for them in the
     * 1 MiB of a Zen 4 core. On a Xeon that has 2 MiB, anything from 96 to
     * 768 KiB is equally fast, and 1.5 MiB take 9 to 13 % longer with 64 or
     * 128 channels. */
    SOURCE_BYTES = 384 << 10,
    /* With few channels the source alone would allow hundreds of tiles; this
     * bounds the products, 2 KiB a tile. */
    TILES_MAX = 4 * ROWS,
    /* The direct way has to need 5/4 of the products, as the transformations
     * take time, too. This leaves out sides of 1, 2, 3 and 5 pixels, where the
     * products that Winograd's algorithm saves are those with padding, which
     * the direct way skips: with 3 x 3 pixels it is 1.1 to 1.5 times as fast
     * on a Zen 5. */
    GAIN_NUMERATOR = 5,
    GAIN_DENOMINATOR = 4,
};

/* On a Zen 5, 2 x 2 pixels and their gradients would be 1.2 to 1.6 times as
 * fast by this algorithm, but there it rounds more than gradients.py allows. */
bool winograd_fits(int in, int out, int side, bool bf16)
{
    /* products of one pair of channels; those with padding need no computing */
    int direct = (3 * side - 2) * (3 * side - 2);
    int ours = ELEMENTS * tiles_aside(side, STEP) * tiles_aside(side, STEP);

    bool can = __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") &&
               (!bf16 || __builtin_cpu_supports("avx512bf16"));

    return can && in % PANEL == 0 && out % PANEL == 0 &&
           GAIN_DENOMINATOR * direct >= GAIN_NUMERATOR * ours;
}

/* How many tiles a thread takes at a time. All are cut into parts of equal
 * size, whose number is a multiple of the threads, so that none waits for
 * others. */
static int tiles_at_once(const struct winograd *w, int all)
{
    int most = SOURCE_BYTES / (ELEMENTS * w->in * (int)sizeof *w->source);
    int parts, threads = w->threads;

    most = most > TILES_MAX ? TILES_MAX : most < ROWS ? ROWS : most;
    parts = (all + most - 1) / most;
    parts = (parts + threads - 1) / threads * threads;
    return (all + parts - 1) / parts;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* The tiles that a thread has at hand, and its share of the work area. */
struct tile_run {
    const struct winograd *w;
    int first, count; /* tiles, counted through all pictures */
    int capacity;     /* tiles that the arrays below have room for */
    uint16_t *source; /* [16 elements][capacity][in] */
    float *products;  /* [16 elements][capacity][32 out] */
};

/* Source */

/* Transforms one block of 16 inputs of all tiles. */
VECTORS static void block_transform(const struct tile_run *p, int block)
{
    const struct winograd *w = p->w;
    size_t plane = (size_t)w->side * w->side * BLOCK;
    size_t each = (size_t)p->capacity * w->in;
    struct tile_position at = tile_position_of(w->side, STEP, p->first);

    for (int t = 0; t < p->count; t++, tile_position_next(&at, w->side, STEP)) {
        size_t from = ((size_t)at.picture * (w->in / BLOCK) + block) * plane;
        uint16_t *to = p->source + (size_t)t * w->in + block * BLOCK;
        __m512 tile[ELEMENTS];
        source_tile(tile, w->source, (ptrdiff_t)from, w->side, at, true);
#pragma GCC unroll 16
        for (int i = 0; i < ELEMENTS; i++)
            _mm256_store_si256((void *)(to + i * each),
                               (__m256i)_mm512_cvtneps_pbh(tile[i]));
    }
}

/* Products */

/* [rows][32] out = [rows][in] source by [in / 2][32][2] kernel, for a number of
 * rows that the compiler knows, so that the sums stay in registers. `row` is
 * the distance between rows of the source. */
VECTORS_INLINE void rows_multiply(const int rows, const uint16_t *source,
                                  size_t row, const uint16_t *kernel, int in,
                                  float *out)
{
    __m512 a[ROWS], b[ROWS];
#pragma GCC unroll 14
    for (int t = 0; t < rows; t++)
        a[t] = b[t] = _mm512_setzero_ps();
    for (int c = 0; c < in; c += 2, kernel += 2 * PANEL) {
        __m512i k0 = _mm512_load_si512(kernel);
        __m512i k1 = _mm512_load_si512(kernel + PANEL);
#pragma GCC unroll 14
        for (int t = 0; t < rows; t++) {
            product_add(&a[t], source + t * row + c, k0, true);
            product_add(&b[t], source + t * row + c, k1, true);
        }
    }
#pragma GCC unroll 14
    for (int t = 0; t < rows; t++) {
        _mm512_store_ps(out + t * PANEL, a[t]);
        _mm512_store_ps(out + t * PANEL + BLOCK, b[t]);
    }
}

/* rows_multiply() for 1 to ROWS rows. */
VECTORS static void multiply(int rows, const uint16_t *source, size_t row,
                             const uint16_t *kernel, int in, float *out)
{
    switch (rows) {
#define CASE(n)                                                                \
    case n:                                                                    \
        rows_multiply(n, source, row, kernel, in, out);                        \
        break;
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
        CASE(7)
        CASE(8)
        CASE(9)
        CASE(10)
        CASE(11)
        CASE(12)
        CASE(13)
        CASE(14)
#undef CASE
    }
}

/* The products of all elements with one panel, in chunks of equal size: of 15
 * tiles, 7 and 8 are multiplied rather than 14 and 1. */
static void panel_multiply(const struct tile_run *p, int panel)
{
    const struct winograd *w = p->w;
    size_t row = (size_t)w->in;
    int chunks = (p->count + ROWS - 1) / ROWS;

    for (int i = 0; i < ELEMENTS; i++) {
        const uint16_t *kernel =
            w->kernel + ((size_t)i * (w->out / PANEL) + panel) * row * PANEL;
        for (int c = 0; c < chunks; c++) {
            int first = p->count * c / chunks;
            int end = p->count * (c + 1) / chunks;
            size_t at = (size_t)i * p->capacity + first;
            multiply(end - first, p->source + at * row, row, kernel, w->in,
                     p->products + at * PANEL);
        }
    }
}

/* Results */

VECTORS_INLINE void pixel_store(uint16_t *to, __m512 v,
                                const struct winograd *w)
{
    if (w->sum)
        v += pixel_load(to, 0, true);
    if (w->relu) /* with this order of operands a NaN stays a NaN */
        v = _mm512_max_ps(_mm512_setzero_ps(), v);
    _mm256_storeu_si256((void *)to, (__m256i)_mm512_cvtneps_pbh(v));
}

/* Transforms the products of one tile, which are `each` floats apart, to 2 x 2
 * results: first down the columns, then along the rows. */
VECTORS_INLINE void result_tile(__m512 out[4], const float *products,
                                size_t each, __m512 bias)
{
    __m512 d[ELEMENTS], t[8];
#pragma GCC unroll 16
    for (int i = 0; i < ELEMENTS; i++)
        d[i] = _mm512_load_ps(products + i * each);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        t[i] = d[i] + d[4 + i] + d[8 + i];
        t[4 + i] = d[4 + i] - d[8 + i] - d[12 + i];
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        out[2 * i] = t[4 * i] + t[4 * i + 1] + t[4 * i + 2] + bias;
        out[2 * i + 1] = t[4 * i + 1] - t[4 * i + 2] - t[4 * i + 3] + bias;
    }
}

/* Writes the results of 16 outputs, which are half a panel. */
VECTORS static void block_finish(const struct tile_run *p, int block)
{
    const struct winograd *w = p->w;
    size_t plane = (size_t)w->side * w->side * BLOCK;
    const float *products = p->products + block % 2 * BLOCK;
    __m512 bias = w->bias ? _mm512_loadu_ps(w->bias + block * BLOCK)
                          : _mm512_setzero_ps();
    struct tile_position at = tile_position_of(w->side, STEP, p->first);

    for (int t = 0; t < p->count; t++, tile_position_next(&at, w->side, STEP)) {
        uint16_t *to = w->result +
                       ((size_t)at.picture * (w->out / BLOCK) + block) * plane +
                       ((size_t)at.y * w->side + at.x) * BLOCK;
        __m512 tile[4];
        result_tile(tile, products + (size_t)t * PANEL,
                    (size_t)p->capacity * PANEL, bias);
        bool right = at.x + 1 < w->side, below = at.y + 1 < w->side;
        pixel_store(to, tile[0], w);
        if (right)
            pixel_store(to + BLOCK, tile[1], w);
        to += w->side * BLOCK;
        if (below)
            pixel_store(to, tile[2], w);
        if (below && right)
            pixel_store(to + BLOCK, tile[3], w);
    }
}

static void part_run(const struct tile_run *p)
{
    for (int b = 0; b < p->w->in / BLOCK; b++)
        block_transform(p, b);
    for (int panel = 0; panel < p->w->out / PANEL; panel++) {
        panel_multiply(p, panel);
        block_finish(p, 2 * panel);
        block_finish(p, 2 * panel + 1);
    }
}

static size_t part_source(const struct winograd *w, int capacity)
{
    return (size_t)ELEMENTS * capacity * w->in * sizeof *w->source;
}

static size_t part_size(const struct winograd *w, int capacity)
{
    return part_source(w, capacity) +
           (size_t)ELEMENTS * capacity * PANEL * sizeof(float);
}

size_t winograd_work(const struct winograd *w)
{
    int all = w->n * tiles_aside(w->side, STEP) * tiles_aside(w->side, STEP);
    return (size_t)w->threads * part_size(w, tiles_at_once(w, all));
}

void winograd(const struct winograd *w)
{
    int all = w->n * tiles_aside(w->side, STEP) * tiles_aside(w->side, STEP);
    int capacity = tiles_at_once(w, all);

#pragma omp parallel for schedule(static) num_threads(w->threads)
    for (int first = 0; first < all; first += capacity) {
        char *work = (char *)w->work +
                     (size_t)omp_get_thread_num() * part_size(w, capacity);
        struct tile_run p = {
            .w = w,
            .first = first,
            .count = least(capacity, all - first),
            .capacity = capacity,
            .source = (uint16_t *)work,
            .products = (float *)(work + part_source(w, capacity)),
        };
        part_run(&p);
    }
}

#else

bool winograd_fits(int in, int out, int side, bool bf16)
{
    (void)in, (void)out, (void)side, (void)bf16;
    return false;
}

size_t winograd_work(const struct winograd *w)
{
    (void)w;
    return 0;
}

void winograd(const struct winograd *w)
{
    (void)w;
}

#endif
