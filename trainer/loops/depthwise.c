#include "trainer/loops/depthwise.h"

#include "trainer/loops/lanes.h"

#include <omp.h>
#include <string.h>

/* Results of a row that are computed together; each has a register. */
enum { CHUNK = 8 };

/* A lane of one picture at work. */
struct plane {
    const struct depthwise *q;
    int lanes;            /* of a picture */
    int lane;             /* of this picture */
    size_t source, other; /* where it begins in source and result */
    const float *weights; /* its kernel: [kernel * kernel], `block` apart */
    float *rows;          /* the rows of a window, in turn */
    int width;            /* pixels of one of them */
    int next;             /* the next row of the picture that is to come */
};

/* Rows */

static int round_up(int n, int to)
{
    return (n + to - 1) / to * to;
}

/* Before and behind a row of pixels are at least so many zeros as a window may
 * overlap, and behind it what a last chunk reads in vain. */
static int row_width(const struct depthwise *q)
{
    int half = (q->side + q->stride - 1) / q->stride;
    int most = half > q->result_side ? half : q->result_side;

    return 2 * q->kernel + round_up(most, CHUNK) * q->stride;
}

static size_t rows_size(const struct depthwise *q)
{
    return (size_t)q->kernel * (size_t)row_width(q) * LANE;
}

static int lanes_of(const struct depthwise *q)
{
    return q->channels / LANE;
}

/* Floats of the kernels of all lanes of one picture. */
static size_t sums_size(const struct depthwise *q)
{
    return (size_t)q->kernel * (size_t)q->kernel * (size_t)q->channels;
}

size_t depthwise_work(const struct depthwise *q)
{
    return (size_t)q->threads * rows_size(q) + (size_t)q->n * sums_size(q);
}

/* The pixel of a row of the picture that is at column 0 of a window's reach,
 * which is `kernel` columns before the picture. */
INLINE float *row_of(const struct plane *p, int row)
{
    return p->rows + (size_t)(row % p->q->kernel) * (size_t)p->width * LANE;
}

/* Takes the rows up to `last` of a picture whose lane begins at `at`. */
INLINE void rows_take(struct plane *p, const void *from, size_t at, int side,
                      int last, const bool bf16)
{
    size_t block = (size_t)p->q->block;

    if (last >= side)
        last = side - 1;
    for (; p->next <= last; p->next++) {
        float *to = row_of(p, p->next) + (size_t)p->q->kernel * LANE;
        size_t i = at + (size_t)p->next * (size_t)side * block;
        for (int x = 0; x < side; x++, i += block, to += LANE) {
            vec v;
            load(&v, from, i, bf16);
            store(to, 0, &v, false);
        }
    }
}

/* The parts of a problem */

/* Where a lane begins, among pictures of so many pixels. */
static size_t lane_at(const struct depthwise *q, int picture, int lane,
                      int pixels)
{
    int per_block = q->block / LANE, blocks = q->channels / q->block;
    size_t plane =
        (size_t)picture * (size_t)blocks + (size_t)(lane / per_block);

    return plane * (size_t)pixels * (size_t)q->block +
           (size_t)(lane % per_block) * LANE;
}

static struct plane plane_of(const struct depthwise *q, float *rows, int i)
{
    struct plane p = {.q = q, .lanes = lanes_of(q), .rows = rows};
    int picture = i / p.lanes;

    p.lane = i % p.lanes;
    p.width = row_width(q);
    p.source = lane_at(q, picture, p.lane, q->side * q->side);
    p.other = lane_at(q, picture, p.lane, q->result_side * q->result_side);
    p.weights = q->weights + lane_at(q, 0, p.lane, q->kernel * q->kernel);
    return p;
}

/* Calls `run` for each lane of each picture. */
static void planes_run(const struct depthwise *q,
                       void (*run)(struct plane *p, int i))
{
    int count = q->n * lanes_of(q);

#pragma omp parallel num_threads(q->threads)
    {
        float *rows = q->work + (size_t)omp_get_thread_num() * rows_size(q);
        memset(rows, 0, rows_size(q) * sizeof *rows);
#pragma omp for schedule(static)
        for (int i = 0; i < count; i++) {
            struct plane p = plane_of(q, rows, i);
            run(&p, i);
        }
    }
}

/* Calls f(…, kernel, stride) with constants where there are such networks. */
#define CALL_WITH_WINDOW(f, q, ...)                                            \
    ((q)->kernel == 3 && (q)->stride == 1   ? f(__VA_ARGS__, 3, 1)             \
     : (q)->kernel == 3 && (q)->stride == 2 ? f(__VA_ARGS__, 3, 2)             \
     : (q)->kernel == 5 && (q)->stride == 1 ? f(__VA_ARGS__, 5, 1)             \
     : (q)->kernel == 5 && (q)->stride == 2                                    \
         ? f(__VA_ARGS__, 5, 2)                                                \
         : f(__VA_ARGS__, (q)->kernel, (q)->stride))

/* Forward */

INLINE void result_chunk(vec sum[CHUNK], const struct plane *p, int y, int x,
                         const int kernel, const int stride, const int count)
{
    const struct depthwise *q = p->q;
    size_t block = (size_t)q->block;

    for (int i = 0; i < kernel; i++) {
        int row = y * stride + i - q->pad;
        if (row < 0 || row >= q->side)
            continue;
        const float *from =
            row_of(p, row) + (x * stride + kernel - q->pad) * LANE;
        for (int j = 0; j < kernel; j++) {
            vec weight, v;
            load(&weight, p->weights, (size_t)(i * kernel + j) * block, false);
#pragma GCC unroll 8
            for (int c = 0; c < count; c++) {
                load(&v, from + (c * stride + j) * LANE, 0, false);
                sum[c] += v * weight;
            }
        }
    }
}

/* Finishes and writes as many of the results as the row has. */
INLINE void result_store(const struct plane *p, vec sum[CHUNK], int y, int x)
{
    const struct depthwise *q = p->q;
    size_t block = (size_t)q->block;
    size_t at = p->other + (size_t)(y * q->result_side + x) * block;
    vec bias = {0};

    if (q->bias)
        load(&bias, q->bias, (size_t)p->lane * LANE, false);
    for (int c = 0; c < CHUNK && x + c < q->result_side; c++, at += block) {
        vec v = sum[c] + bias;
        if (q->activation == ACTIVATION_RELU)
            activate(&v, ACTIVATION_RELU);
        else if (q->activation == ACTIVATION_HARD_SWISH)
            activate(&v, ACTIVATION_HARD_SWISH);
        store(q->result, at, &v, q->bf16);
    }
}

INLINE void forward_lane(struct plane *p, const int kernel, const int stride)
{
    const struct depthwise *q = p->q;

    for (int y = 0; y < q->result_side; y++) {
        rows_take(p, q->source, p->source, q->side,
                  y * stride + kernel - 1 - q->pad, q->bf16);
        for (int x = 0; x < q->result_side; x += CHUNK) {
            vec sum[CHUNK] = {{0}};
            if (q->result_side - x > CHUNK / 2)
                result_chunk(sum, p, y, x, kernel, stride, CHUNK);
            else
                result_chunk(sum, p, y, x, kernel, stride, CHUNK / 2);
            result_store(p, sum, y, x);
        }
    }
}

MULTIVERSION
static void forward_plane(struct plane *p, int i)
{
    (void)i;
    CALL_WITH_WINDOW(forward_lane, p->q, p);
}

void depthwise_forward(const struct depthwise *q)
{
    planes_run(q, forward_plane);
}

/* Back to the source. A pixel (y, x) of the source is read by element (i, j) of
 * the kernel for the result ((y + pad - i) / stride, (x + pad - j) / stride),
 * where that is whole. So pixels are taken `stride` apart: x = first + stride *
 * m, which all have the same elements, and results that follow each other. */

INLINE void source_chunk(vec sum[CHUNK], const struct plane *p, int y,
                         int first, int m, const int kernel, const int stride,
                         const int count)
{
    const struct depthwise *q = p->q;
    size_t block = (size_t)q->block;

    for (int i = (y + q->pad) % stride; i < kernel; i += stride) {
        int row = (y + q->pad - i) / stride;
        if (y + q->pad < i || row >= q->result_side)
            continue;
        const float *from = row_of(p, row) + (kernel + m) * LANE;
        for (int j = (first + q->pad) % stride; j < kernel; j += stride) {
            int right = (first + q->pad - j) / stride; /* whole, perhaps < 0 */
            vec weight, v;
            load(&weight, p->weights, (size_t)(i * kernel + j) * block, false);
#pragma GCC unroll 8
            for (int c = 0; c < count; c++) {
                load(&v, from + (c + right) * LANE, 0, false);
                sum[c] += v * weight;
            }
        }
    }
}

INLINE void source_row(const struct plane *p, int y, int first,
                       const int kernel, const int stride)
{
    const struct depthwise *q = p->q;
    int pixels = (q->side - first + stride - 1) / stride;
    size_t block = (size_t)q->block;

    for (int m = 0; m < pixels; m += CHUNK) {
        vec sum[CHUNK] = {{0}};
        int x = first + m * stride;
        size_t at = p->source + (size_t)(y * q->side + x) * block;
        if (pixels - m > CHUNK / 2)
            source_chunk(sum, p, y, first, m, kernel, stride, CHUNK);
        else
            source_chunk(sum, p, y, first, m, kernel, stride, CHUNK / 2);
        for (int c = 0; c < CHUNK && m + c < pixels; c++)
            store(q->d_source, at + (size_t)(c * stride) * block, &sum[c],
                  q->bf16);
    }
}

INLINE void source_lane(struct plane *p, const int kernel, const int stride)
{
    const struct depthwise *q = p->q;

    for (int y = 0; y < q->side; y++) {
        rows_take(p, q->d_result, p->other, q->result_side,
                  (y + q->pad) / stride, q->bf16);
        for (int first = 0; first < stride && first < q->side; first++)
            source_row(p, y, first, kernel, stride);
    }
}

MULTIVERSION
static void source_plane(struct plane *p, int i)
{
    (void)i;
    CALL_WITH_WINDOW(source_lane, p->q, p);
}

void depthwise_back_source(const struct depthwise *q)
{
    planes_run(q, source_plane);
}

/* Back to the kernel */

/* Adds what row y of the result gives for row i of the kernel. */
INLINE void weights_row(vec *sum, const struct plane *p, int y, int i,
                        const int kernel, const int stride)
{
    const struct depthwise *q = p->q;
    const float *from =
        row_of(p, y * stride + i - q->pad) + (kernel - q->pad) * LANE;
    size_t block = (size_t)q->block;
    size_t at = p->other + (size_t)(y * q->result_side) * block;
    vec g, v, part[DEPTHWISE_KERNEL_MOST];

    for (int j = 0; j < kernel; j++)
        part[j] = sum[j];
    for (int x = 0; x < q->result_side; x++, at += block) {
        load(&g, q->d_result, at, q->bf16);
#pragma GCC unroll 8
        for (int j = 0; j < kernel; j++) {
            load(&v, from + (x * stride + j) * LANE, 0, false);
            part[j] += v * g;
        }
    }
    for (int j = 0; j < kernel; j++)
        sum[j] = part[j];
}

INLINE void weights_lane(struct plane *p, float *to, const int kernel,
                         const int stride)
{
    const struct depthwise *q = p->q;
    vec *sum = (vec *)to;

    for (int i = 0; i < kernel * kernel; i++)
        sum[i] = (vec){0};
    for (int y = 0; y < q->result_side; y++) {
        rows_take(p, q->source, p->source, q->side,
                  y * stride + kernel - 1 - q->pad, q->bf16);
        for (int i = 0; i < kernel; i++) {
            int row = y * stride + i - q->pad;
            if (row >= 0 && row < q->side)
                weights_row(sum + i * kernel, p, y, i, kernel, stride);
        }
    }
}

/* The sums of each picture stand behind the rows of all threads. */
static float *sums_of(const struct depthwise *q)
{
    return q->work + (size_t)q->threads * rows_size(q);
}

MULTIVERSION
static void weights_plane(struct plane *p, int i)
{
    const struct depthwise *q = p->q;
    float *to = sums_of(q) + (size_t)i * sums_size(q) / (size_t)p->lanes;

    CALL_WITH_WINDOW(weights_lane, q, p, to);
}

/* Adds up the pictures' sums of one lane. */
MULTIVERSION
static void sums_add(const struct depthwise *q, int lane)
{
    size_t each = sums_size(q) / (size_t)lanes_of(q);
    float *to = q->d_weights + lane_at(q, 0, lane, q->kernel * q->kernel);

    for (int i = 0; i < q->kernel * q->kernel; i++) {
        const float *from = sums_of(q) + (size_t)lane * each + (size_t)i * LANE;
        vec sum = {0}, v;
        for (int k = 0; k < q->n; k++, from += sums_size(q)) {
            load(&v, from, 0, false);
            sum += v;
        }
        store(to, (size_t)i * (size_t)q->block, &sum, false);
    }
}

void depthwise_back_weights(const struct depthwise *q)
{
    planes_run(q, weights_plane);
#pragma omp parallel for schedule(static) num_threads(q->threads)
    for (int lane = 0; lane < lanes_of(q); lane++)
        sums_add(q, lane);
}
