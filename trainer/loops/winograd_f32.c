/*
 * The convolution. All threads transform the kernel, as many outputs of it as a
 * bounded buffer has room for. Then a thread takes some tiles at a time,
 * transforms their source, multiplies it by the kernel, and transforms the
 * products to results.
 *
 * An element's products are made for all tiles of the run before the next
 * element's: its source, some tens of KiB, is in the second-level cache then,
 * and of the kernel each panel is read once.
 *
 * Reference: expected() and expected_back() of winograd_f32_test.c.
 */
#include "trainer/loops/winograd_f32.h"

#include "trainer/loops/winograd_f32_inside.h"

#include <omp.h>

enum {
    /* Outputs of which the products lie in memory together. */
    GROUP = 4 * PANEL,
    /* Tiles of a run. The more they are, the less often the kernel is read, and
     * from 40 to 100 it makes no difference. */
    TILES_MAX = 64,
    /* Bytes of a run's transformed source; with many channels there are fewer
     * tiles, so that buffers do not grow. */
    SOURCE_BYTES = 2400 << 10,
    /* Fewer tiles than that are not shared among threads; their outputs are. */
    TILES_FEW = 2 * ROWS,
    /* Bytes of the transformed kernel. Where the source is transformed again
     * for other outputs, as many as a whole one of 512 by 512 channels has
     * before it is transformed: of 256 by 256 this has all. Where it is kept,
     * fewer, which stay in the caches: so one picture of 256 channels of 14 x
     * 14 pixels takes 1.4 ms instead of 2.5. */
    FORM_BYTES = (9 << 20) + (1 << 18),
    FORM_KEPT = 2400 << 10,
    /* Transforming a kernel takes as long as multiplying so many tiles, and it
     * is done once for a batch. What fits is counted for batches of a fixed
     * size: results of the two ways differ by rounding, and what is said of a
     * picture must not depend on those that are beside it. */
    KERNEL_TILES = 8,
    COUNTED_BATCH = 4,
    /* The direct way has to need 5/4 of the products, as source and result are
     * transformed, too. */
    GAIN_NUMERATOR = 5,
    GAIN_DENOMINATOR = 4,
};

static int parts_of(int all, int most)
{
    return (all + most - 1) / most;
}

bool winograd_f32_fits(int in, int out, int side)
{
    long long n = COUNTED_BATCH, aside = tiles_aside(side, STEP);
    /* products of one pair of channels */
    long long direct = n * TAPS * TAPS * side * side;
    long long ours = ELEMENTS * (n * aside * aside + KERNEL_TILES);
    bool can = false;

#ifdef __x86_64__
    can = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return can && in % PANEL == 0 && out % PANEL == 0 &&
           GAIN_DENOMINATOR * direct >= GAIN_NUMERATOR * ours;
}

/* How the work is cut. */
struct cut {
    int tiles;  /* of all pictures */
    int runs;   /* parts of the tiles */
    int splits; /* parts of the outputs, if there is a single run */
    int outs;   /* outputs whose kernel is transformed at a time */
};

/* Floats of a panel of the transformed kernel. */
static size_t panel_floats(int in)
{
    return ELEMENTS * panel_element(in);
}

/* Panels of the transformed kernel that have at most so many bytes. */
static int panels_at_once(int in, int out, size_t bytes)
{
    int panels = (int)(bytes / sizeof(float) / panel_floats(in));
    return least(panels < 1 ? 1 : panels, out / PANEL);
}

/* The most tiles of a run. */
static int tiles_most(int in, int all)
{
    int most = SOURCE_BYTES / (ELEMENTS * in * (int)sizeof(float));
    most = least(most < TILES_FEW ? TILES_FEW : most, TILES_MAX);
    return least(most, all);
}

/* All runs are of about equal size, and their number is a multiple of the
 * threads, so that none waits for others; but a run of a few tiles would read
 * the whole kernel for little work. */
static int runs_of(int tiles, int most, int threads, int splits)
{
    int runs = parts_of(tiles, most), even = parts_of(runs, threads) * threads;
    if (runs == 1 && splits >= threads)
        return 1;
    if (tiles >= even * TILES_FEW)
        return even;
    return tiles / TILES_FEW > runs ? tiles / TILES_FEW : runs;
}

static struct cut cut_of(const struct winograd_f32 *w)
{
    int aside = tiles_aside(w->side, STEP), tiles = w->n * aside * aside;
    int whole = winograd_f32_panels(w->in, w->out);
    int kept = panels_at_once(w->in, w->out, FORM_KEPT);
    struct cut c = {.tiles = tiles, .splits = least(w->threads, whole)};

    c.runs = runs_of(tiles, tiles_most(w->in, tiles), w->threads, c.splits);
    if (c.runs == 1)
        c.outs = least(kept, whole / c.splits) * PANEL;
    else
        c.outs = (c.runs <= w->threads ? kept : whole) * PANEL;
    return c;
}

/* The tiles that a thread has at hand, and its share of the work area. */
struct tile_run {
    const struct winograd_f32 *w;
    int first, count;     /* tiles, counted through all pictures */
    const float *kernel;  /* of the first output */
    size_t source_each;   /* floats from one element to the next */
    size_t products_each; /* likewise */
    float *source;        /* [36][in / 8][count][8] */
    float *products;      /* [36][GROUP / 8][count][8] */
};

static size_t source_element(int in, int tiles)
{
    return (size_t)in * tiles + APART;
}

static size_t products_element(int tiles)
{
    return (size_t)GROUP * tiles + APART;
}

/* Source */

/* Transforms one block of 8 inputs of all tiles. */
VECTORS static void block_transform(const struct tile_run *r, int block)
{
    const struct winograd_f32 *w = r->w;
    size_t plane = (size_t)w->side * w->side * BLOCK;
    float *to = r->source + (size_t)block * r->count * BLOCK;
    struct tile_position at = tile_position_of(w->side, STEP, r->first);

    for (int t = 0; t < r->count; t++, to += BLOCK) {
        size_t from = (size_t)at.picture * (w->in / BLOCK) + block;
        vec tile[ELEMENTS];
        source_tile(tile, w->source + from * plane, w->side, at);
        for (int e = 0; e < ELEMENTS; e++)
            *(vec *)(to + e * r->source_each) = tile[e];
        tile_position_next(&at, w->side, STEP);
    }
}

/* Products */

#define SPREAD(v) ((vec){(v), (v), (v), (v), (v), (v), (v), (v)})

/* The products of a number of tiles that the compiler knows, so that the sums
 * stay in registers, with 16 outputs: 12 sums, two vectors of the kernel and a
 * value of the source fill 15 of AVX2's 16. `step` and `out_step` are the
 * floats between blocks of 8 channels. */
VECTORS_INLINE void rows_multiply(const int rows, const float *source,
                                  size_t step, const float *kernel, int in,
                                  float *out, size_t out_step)
{
    vec a[ROWS], b[ROWS];
#pragma GCC unroll 6
    for (int t = 0; t < rows; t++)
        a[t] = b[t] = (vec){0};
    for (int c = 0; c < in; c += BLOCK, source += step)
#pragma GCC unroll 8
        for (int i = 0; i < BLOCK; i++, kernel += PANEL) {
            vec k0 = *(const vec *)kernel, k1 = *(const vec *)(kernel + BLOCK);
#pragma GCC unroll 6
            for (int t = 0; t < rows; t++) {
                vec value = SPREAD(source[t * BLOCK + i]);
                a[t] += value * k0;
                b[t] += value * k1;
            }
        }
#pragma GCC unroll 6
    for (int t = 0; t < rows; t++) {
        *(vec *)(out + t * BLOCK) = a[t];
        *(vec *)(out + out_step + t * BLOCK) = b[t];
    }
}

/* rows_multiply() for 1 to ROWS rows. */
VECTORS static void multiply(int rows, const float *source, size_t step,
                             const float *kernel, int in, float *out,
                             size_t out_step)
{
    switch (rows) {
#define CASE(n)                                                                \
    case n:                                                                    \
        rows_multiply(n, source, step, kernel, in, out, out_step);             \
        break;
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
#undef CASE
    }
}

/* The products of one element with a panel, in chunks of equal size: of 8
 * tiles, 4 and 4 are multiplied rather than 6 and 2. `at` is the panel's place
 * in its group. */
static void panel_multiply(const struct tile_run *r, int e, int at,
                           const float *kernel)
{
    size_t step = (size_t)r->count * BLOCK;
    const float *source = r->source + e * r->source_each;
    float *out = r->products + e * r->products_each + 2 * (size_t)at * step;
    int chunks = parts_of(r->count, ROWS);

    for (int c = 0; c < chunks; c++) {
        int first = r->count * c / chunks, end = r->count * (c + 1) / chunks;
        multiply(end - first, source + first * BLOCK, step, kernel, r->w->in,
                 out + first * BLOCK, step);
    }
}

/* Results */

/* Transforms a column or row of products: six vectors, `step` apart, to four.
 */
VECTORS_INLINE void result_line(vec *out, int out_step, const vec *d, int step)
{
    vec sum1 = d[step] + d[2 * step], less1 = d[step] - d[2 * step];
    vec sum2 = d[3 * step] + d[4 * step], less2 = d[3 * step] - d[4 * step];
    out[0] = d[0] + sum1 + sum2;
    out[out_step] = P1 * less1 + P2 * less2;
    out[2 * out_step] = S1 * sum1 + S2 * sum2;
    out[3 * out_step] = P1 * S1 * less1 + P2 * S2 * less2 + d[5 * step];
}

VECTORS_INLINE void result_tile(vec out[STEP * STEP], const float *products,
                                size_t each)
{
    vec d[ELEMENTS], t[STEP * TILE];

    for (int e = 0; e < ELEMENTS; e++)
        d[e] = *(const vec *)(products + e * each);
#pragma GCC unroll 6
    for (int x = 0; x < TILE; x++)
        result_line(t + x, TILE, d + x, TILE);
#pragma GCC unroll 4
    for (int y = 0; y < STEP; y++)
        result_line(out + y * STEP, 1, t + y * TILE, 1);
}

VECTORS_INLINE void pixel_store(float *to, vec v, const struct winograd_f32 *w)
{
    if (w->sum)
        v += *(const vec *)to;
    if (w->relu)
        relu(&v);
    *(vec *)to = v;
}

/* Writes the results of 8 outputs; `products` are theirs. */
VECTORS static void block_finish(const struct tile_run *r, int block,
                                 const float *products)
{
    const struct winograd_f32 *w = r->w;
    size_t plane = (size_t)w->side * w->side * BLOCK;
    vec bias = w->bias ? *(const vec *)(w->bias + block * BLOCK) : (vec){0};
    struct tile_position at = tile_position_of(w->side, STEP, r->first);

    for (int t = 0; t < r->count; t++, products += BLOCK) {
        size_t picture = (size_t)at.picture * (w->out / BLOCK) + block;
        float *to = w->result + picture * plane +
                    ((size_t)at.y * w->side + at.x) * BLOCK;
        int rows = least(w->side - at.y, STEP);
        int columns = least(w->side - at.x, STEP);
        vec tile[STEP * STEP];
        result_tile(tile, products, r->products_each);
        for (int y = 0; y < rows; y++, to += w->side * BLOCK)
            for (int x = 0; x < columns; x++)
                pixel_store(to + x * BLOCK, tile[y * STEP + x] + bias, w);
        tile_position_next(&at, w->side, STEP);
    }
}

/* All results of panels `first` to `first + count - 1`, at most a group. The
 * kernel of panel k is at `from` + k. */
static void group_run(const struct tile_run *r, int first, int count, int from)
{
    for (int e = 0; e < ELEMENTS; e++)
        for (int p = 0; p < count; p++)
            panel_multiply(r, e, p,
                           r->kernel +
                               (first + p - from) * panel_floats(r->w->in) +
                               e * panel_element(r->w->in));
    for (int b = 0; b < 2 * count; b++)
        block_finish(r, 2 * first + b,
                     r->products + (size_t)b * r->count * BLOCK);
}

/* Cutting */

static size_t run_floats(const struct winograd_f32 *w, int tiles)
{
    return ELEMENTS * (source_element(w->in, tiles) + products_element(tiles));
}

int winograd_f32_panels(int in, int out)
{
    return panels_at_once(in, out, FORM_BYTES);
}

size_t winograd_f32_form(int in, int out)
{
    return winograd_f32_panels(in, out) * panel_floats(in) * sizeof(float);
}

size_t winograd_f32_work(const struct winograd_f32 *w)
{
    int tiles = tiles_most(w->in, cut_of(w).tiles);
    return (size_t)w->threads * run_floats(w, tiles) * sizeof(float);
}

static struct tile_run run_of(const struct winograd_f32 *w, const struct cut *c,
                              int run)
{
    size_t share = run_floats(w, tiles_most(w->in, c->tiles));
    int first = (int)((long long)c->tiles * run / c->runs);
    int end = (int)((long long)c->tiles * (run + 1) / c->runs);
    struct tile_run r = {.w = w,
                         .first = first,
                         .count = end - first,
                         .kernel = w->form,
                         .source_each = source_element(w->in, end - first),
                         .products_each = products_element(end - first)};

    r.source = w->work + (size_t)omp_get_thread_num() * share;
    r.products = r.source + ELEMENTS * r.source_each;
    return r;
}

static void source_transform(const struct tile_run *r)
{
    for (int b = 0; b < r->w->in / BLOCK; b++)
        block_transform(r, b);
}

/* All results of panels `first` to `end - 1`, which are those of r->kernel. */
static void panels_run(const struct tile_run *r, int first, int end)
{
    enum { MOST = GROUP / PANEL };
    for (int p = first; p < end; p += MOST)
        group_run(r, p, least(MOST, end - p), first);
}

/* Many tiles: a thread has whole runs of them, and all threads use the same
 * part of the kernel. To be called by all threads of a team. */
static void outs_run(const struct winograd_f32 *w, const struct cut *c,
                     int first)
{
    int panels = least(c->outs, w->out - first) / PANEL;
    /* The thread transformed the source of its only run for the first outputs.
     */
    bool again = first > 0 && c->runs <= omp_get_num_threads();

    if (first > 0) {
#pragma omp barrier
    }
#pragma omp for collapse(2) schedule(static)
    for (int p = 0; p < panels; p++)
        for (int in = 0; in < w->in / BLOCK; in++)
            winograd_f32_panel(w, w->form + p * panel_floats(w->in), in,
                               first / PANEL + p);
#pragma omp for schedule(static) nowait
    for (int i = 0; i < c->runs; i++) {
        struct tile_run r = run_of(w, c, i);
        if (!again)
            source_transform(&r);
        panels_run(&r, first / PANEL, first / PANEL + panels);
    }
}

/* Few tiles: a thread has all of them for some of the outputs, and transforms
 * their kernel in its part of the buffer, so that none waits for others. */
static void split_run(const struct winograd_f32 *w, const struct cut *c,
                      int split)
{
    int all = w->out / PANEL, each = c->outs / PANEL;
    int end = all * (split + 1) / c->splits;
    struct tile_run r = run_of(w, c, 0);
    float *form = w->form + (size_t)split * each * panel_floats(w->in);

    r.kernel = form;
    source_transform(&r);
    for (int p = all * split / c->splits; p < end; p += each) {
        int count = least(each, end - p);
        for (int i = 0; i < count; i++)
            for (int in = 0; in < w->in / BLOCK; in++)
                winograd_f32_panel(w, form + i * panel_floats(w->in), in,
                                   p + i);
        panels_run(&r, p, p + count);
    }
}

void winograd_f32(const struct winograd_f32 *w)
{
    const struct cut c = cut_of(w);

    if (c.runs > 1) {
#pragma omp parallel num_threads(w->threads)
        for (int first = 0; first < w->out; first += c.outs)
            outs_run(w, &c, first);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(w->threads)
    for (int split = 0; split < c.splits; split++)
        split_run(w, &c, split);
}
