/* Some tiles at a time: their source transformed, multiplied by the kernel
 * place by place, 32 outputs at once, and the products transformed back; what
 * lies between stays in the second-level cache. */
#include "trainer/loops/winograd.h"

#include "trainer/loops/winograd_inside.h"

#include <omp.h>

#ifdef __x86_64__

enum {
    ROWS = 14,          /* tiles whose sums stay in registers */
    SOURCE = 384 << 10, /* bytes of transformed source at a time */
    TILES = 4 * ROWS,   /* at most */
    GAIN_NUMERATOR = 5,
    GAIN_DENOMINATOR = 4, /* in products: below, it does not pay */
};

/* The direct way leaves out what falls on padding. */
bool winograd_fits(int in, int out, int side, bool bf16)
{
    int direct = (3 * side - 2) * (3 * side - 2);
    int ours = PLACES * tiles_aside(side) * tiles_aside(side);

    bool can = __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") &&
               (!bf16 || __builtin_cpu_supports("avx512bf16"));

    return can && in % PANEL == 0 && out % PANEL == 0 &&
           GAIN_DENOMINATOR * direct >= GAIN_NUMERATOR * ours;
}

/* How many tiles at a time: in equal parts, some for each thread. */
static int tiles_at_once(const struct winograd *w, int all)
{
    int most = SOURCE / (PLACES * w->in * (int)sizeof *w->source);
    int parts, threads = w->threads;

    most = most > TILES ? TILES : most < ROWS ? ROWS : most;
    parts = (all + most - 1) / most;
    parts = (parts + threads - 1) / threads * threads;
    return (all + parts - 1) / parts;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* A thread's part of the work area. */
struct part {
    const struct winograd *w;
    int first, count, room; /* tiles: here; that there is room for */
    uint16_t *source;       /* [16 places][room][in] */
    float *products;        /* [16 places][room][32 out] */
};

/* Source */

VECTORS static void block_transform(const struct part *p, int block)
{
    const struct winograd *w = p->w;
    size_t plane = (size_t)w->side * w->side * BLOCK;
    size_t each = (size_t)p->room * w->in;
    struct place at = place_of(w->side, p->first);

    for (int t = 0; t < p->count; t++, place_next(&at, w->side)) {
        size_t from = ((size_t)at.picture * (w->in / BLOCK) + block) * plane;
        uint16_t *to = p->source + (size_t)t * w->in + block * BLOCK;
        __m512 tile[PLACES];
        source_tile(tile, w->source, (ptrdiff_t)from, w->side, at, true);
#pragma GCC unroll 16
        for (int i = 0; i < PLACES; i++)
            _mm256_store_si256((void *)(to + i * each),
                               (__m256i)_mm512_cvtneps_pbh(tile[i]));
    }
}

/* Products */

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

/* [rows][32] out = [rows][in] source by [in / 2][32][2] kernel. */
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

static void panel_multiply(const struct part *p, int panel)
{
    const struct winograd *w = p->w;
    size_t row = (size_t)w->in;
    int chunks = (p->count + ROWS - 1) / ROWS;

    for (int i = 0; i < PLACES; i++) {
        const uint16_t *kernel =
            w->kernel + ((size_t)i * (w->out / PANEL) + panel) * row * PANEL;
        for (int c = 0; c < chunks; c++) {
            int first = p->count * c / chunks;
            int end = p->count * (c + 1) / chunks;
            size_t at = (size_t)i * p->room + first;
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
    if (w->relu) /* a NaN stays one */
        v = _mm512_max_ps(_mm512_setzero_ps(), v);
    _mm256_storeu_si256((void *)to, (__m256i)_mm512_cvtneps_pbh(v));
}

VECTORS_INLINE void result_tile(__m512 out[4], const float *products,
                                size_t each, __m512 bias)
{
    __m512 d[PLACES], t[8];
#pragma GCC unroll 16
    for (int i = 0; i < PLACES; i++)
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

/* Of 16 outputs: half a panel. */
VECTORS static void block_finish(const struct part *p, int block)
{
    const struct winograd *w = p->w;
    size_t plane = (size_t)w->side * w->side * BLOCK;
    const float *products = p->products + block % 2 * BLOCK;
    __m512 bias = w->bias ? _mm512_loadu_ps(w->bias + block * BLOCK)
                          : _mm512_setzero_ps();
    struct place at = place_of(w->side, p->first);

    for (int t = 0; t < p->count; t++, place_next(&at, w->side)) {
        uint16_t *to = w->result +
                       ((size_t)at.picture * (w->out / BLOCK) + block) * plane +
                       ((size_t)at.y * w->side + at.x) * BLOCK;
        __m512 tile[4];
        result_tile(tile, products + (size_t)t * PANEL, (size_t)p->room * PANEL,
                    bias);
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

static void part_run(const struct part *p)
{
    for (int b = 0; b < p->w->in / BLOCK; b++)
        block_transform(p, b);
    for (int panel = 0; panel < p->w->out / PANEL; panel++) {
        panel_multiply(p, panel);
        block_finish(p, 2 * panel);
        block_finish(p, 2 * panel + 1);
    }
}

static size_t part_source(const struct winograd *w, int room)
{
    return (size_t)PLACES * room * w->in * sizeof *w->source;
}

static size_t part_size(const struct winograd *w, int room)
{
    return part_source(w, room) + (size_t)PLACES * room * PANEL * sizeof(float);
}

size_t winograd_work(const struct winograd *w)
{
    int all = w->n * tiles_aside(w->side) * tiles_aside(w->side);
    return (size_t)w->threads * part_size(w, tiles_at_once(w, all));
}

void winograd(const struct winograd *w)
{
    int all = w->n * tiles_aside(w->side) * tiles_aside(w->side);
    int room = tiles_at_once(w, all);

#pragma omp parallel for schedule(static) num_threads(w->threads)
    for (int first = 0; first < all; first += room) {
        char *work =
            (char *)w->work + (size_t)omp_get_thread_num() * part_size(w, room);
        struct part p = {
            .w = w,
            .first = first,
            .count = least(room, all - first),
            .room = room,
            .source = (uint16_t *)work,
            .products = (float *)(work + part_source(w, room)),
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
