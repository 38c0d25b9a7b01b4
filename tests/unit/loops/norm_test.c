/* not under: thread (it is all OpenMP)
 *
 * norm.h and norm_pool.h against a naive reference in double, in all layouts
 * and fusions. */
#include "trainer/loops/norm_pool.h"

#include "core/network/network.h"

#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHANNELS_MAX = 64 };

static const struct shape {
    int n, channels, rows, block;
} shapes[] = {
    {1, 8, 1, 8},      {3, 16, 1, 8},    {5, 64, 4, 8},   {2, 32, 49, 16},
    {3, 24, 961, 8},   {7, 64, 9, 64},   {1, 64, 81, 64}, {4, 16, 4096, 8},
    {2, 16, 2500, 16}, {130, 64, 1, 16},
};

/* A problem and the reference's results. */
struct problem {
    struct shape s;
    enum activation by;
    bool add, bf16, more, fixed;
    size_t count;
    float *x, *shortcut, *d_out, *d_more; /* inputs, in the shape's layout */
    double *y, *d_x, *d_sum;              /* the reference's results */
    double d_gamma[CHANNELS_MAX], d_beta[CHANNELS_MAX];
    double mean[CHANNELS_MAX], variance[CHANNELS_MAX];
    float gamma[CHANNELS_MAX], beta[CHANNELS_MAX];
};

static size_t element(const struct shape *s, int picture, int channel, int row)
{
    size_t blocks = (size_t)(s->channels / s->block);
    size_t plane = (size_t)picture * blocks + (size_t)(channel / s->block);

    return (plane * s->rows + row) * s->block + channel % s->block;
}

static float wave(size_t i, float frequency)
{
    return sinf((float)i * frequency) + 0.2f * sinf((float)i * 17.3f);
}

/* The value that bf16 keeps. */
static float rounded(float v, bool bf16)
{
    uint32_t bits;

    if (!bf16)
        return v;
    memcpy(&bits, &v, 4);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&v, &bits, 4);
    return v;
}

static void *array(size_t count, size_t size)
{
    void *p = aligned_alloc(64, (count * size + 63) / 64 * 64);

    assert_non_null(p);
    return memset(p, 0, (count * size + 63) / 64 * 64);
}

static void problem_open(struct problem *p, const struct shape *s, int kind)
{
    *p = (struct problem){.s = *s,
                          .by = kind & 32  ? ACTIVATION_HARD_SWISH
                                : kind & 1 ? ACTIVATION_RELU
                                           : ACTIVATION_NONE,
                          .add = kind & 2,
                          .bf16 = kind & 4,
                          .more = kind & 8,
                          .fixed = kind & 16};
    p->count = (size_t)s->n * s->channels * s->rows;
    p->x = array(p->count, 4);
    p->shortcut = array(p->count, 4);
    p->d_out = array(p->count, 4);
    p->d_more = array(p->count, 4);
    p->y = array(p->count, 8);
    p->d_x = array(p->count, 8);
    p->d_sum = array(p->count, 8);
    for (size_t i = 0; i < p->count; i++) {
        p->x[i] = rounded(3 + wave(i, 0.71f), p->bf16);
        p->shortcut[i] = rounded(wave(i, 0.53f), p->bf16);
        p->d_out[i] = rounded(wave(i, 1.13f), p->bf16);
        p->d_more[i] = rounded(wave(i, 0.29f), p->bf16);
    }
    for (int k = 0; k < s->channels; k++) {
        p->gamma[k] = 1 + 0.5f * sinf((float)k);
        p->beta[k] = 0.3f * cosf((float)k);
    }
}

static void problem_release(struct problem *p)
{
    free(p->x);
    free(p->shortcut);
    free(p->d_out);
    free(p->d_more);
    free(p->y);
    free(p->d_x);
    free(p->d_sum);
}

/* The activation of y. */
static double activated(double y, enum activation by)
{
    if (by == ACTIVATION_RELU)
        return y < 0 ? 0 : y;
    return by == ACTIVATION_HARD_SWISH ? y * fmin(fmax(y / 6 + 0.5, 0), 1) : y;
}

static double slope(double y, enum activation by)
{
    if (by == ACTIVATION_RELU)
        return y > 0;
    if (by == ACTIVATION_HARD_SWISH)
        return y < -3 ? 0 : y > 3 ? 1 : y / 3 + 0.5;
    return 1;
}

static void naive_channel(struct problem *p, int k)
{
    const struct shape *s = &p->s;
    double count = (double)s->n * s->rows, mean = 0, variance = 0;
    double sum = 0, product = 0;

    for (int i = 0; i < s->n * s->rows; i++)
        mean += (double)p->x[element(s, i / s->rows, k, i % s->rows)] / count;
    for (int i = 0; i < s->n * s->rows; i++) {
        size_t e = element(s, i / s->rows, k, i % s->rows);
        variance += pow((double)p->x[e] - mean, 2) / count;
    }
    if (p->fixed) {
        mean = 2.5 + 0.125 * k; /* exact in a float */
        variance = 0.5 + 0.0625 * k;
    }
    double scale = 1 / sqrt(variance + (double)NORM_EPSILON);
    for (int i = 0; i < s->n * s->rows; i++) {
        size_t e = element(s, i / s->rows, k, i % s->rows);
        double unit = ((double)p->x[e] - mean) * scale;
        double y = unit * (double)p->gamma[k] + (double)p->beta[k] +
                   (p->add ? (double)p->shortcut[e] : 0);
        p->y[e] = activated(y, p->by);
        double g = (double)p->d_out[e] + (p->more ? (double)p->d_more[e] : 0);
        p->d_sum[e] = g * slope(y, p->by);
        sum += p->d_sum[e];
        product += p->d_sum[e] * unit;
    }
    for (int i = 0; i < s->n * s->rows; i++) {
        size_t e = element(s, i / s->rows, k, i % s->rows);
        double unit = ((double)p->x[e] - mean) * scale;
        p->d_x[e] = (double)p->gamma[k] * scale *
                    (p->d_sum[e] -
                     (p->fixed ? 0 : sum / count + unit * product / count));
    }
    p->mean[k] = mean;
    p->variance[k] = variance;
    p->d_beta[k] = sum;
    p->d_gamma[k] = product;
}

/* Activations in the type of the code under test, and back. */
static void *packed(const float *values, size_t count, bool bf16)
{
    uint16_t *half = array(count, bf16 ? 2 : 4);

    if (!bf16)
        return memcpy(half, values, count * 4);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], 4);
        half[i] = (uint16_t)(bits >> 16);
    }
    return half;
}

static float unpacked(const void *data, size_t i, bool bf16)
{
    float v;

    if (!bf16)
        return ((const float *)data)[i];
    uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
    memcpy(&v, &bits, 4);
    return v;
}

static void assert_near(double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound * (1 + fabs(want))))
        fail_msg("%.9g is not %.9g", got, want);
}

static void assert_array(const void *got, const double *want, size_t count,
                         bool bf16, double bound)
{
    for (size_t i = 0; i < count; i++)
        assert_near((double)unpacked(got, i, bf16), want[i],
                    bf16 ? 2e-2 : bound);
}

/* Runs norm.h, with results in the place of x and gradients as in the network.
 */
static void check(struct problem *p)
{
    const struct shape *s = &p->s;
    float mean[CHANNELS_MAX], variance[CHANNELS_MAX];
    float d_gamma[CHANNELS_MAX], d_beta[CHANNELS_MAX];
    bool bf16 = p->bf16;
    void *x = packed(p->x, p->count, bf16);
    void *shortcut = packed(p->shortcut, p->count, bf16);
    void *d_out = packed(p->d_out, p->count, bf16);
    void *d_more = packed(p->d_more, p->count, bf16);
    void *y = array(p->count, 4);
    struct norm q = {.n = s->n,
                     .channels = s->channels,
                     .rows = s->rows,
                     .block = s->block,
                     .bf16 = bf16,
                     .activation = p->by,
                     .epsilon = NORM_EPSILON,
                     .x = x,
                     .add = p->add ? shortcut : NULL,
                     .y = y,
                     .gamma = p->gamma,
                     .beta = p->beta,
                     .mean = mean,
                     .variance = variance,
                     .fixed = &p->fixed};
    q.work = array(norm_work(s->n, s->channels, s->rows, s->block), 4);
    for (int k = 0; p->fixed && k < s->channels; k++) {
        mean[k] = (float)p->mean[k];
        variance[k] = (float)p->variance[k];
    }
    struct norm_back b = {.forward = &q,
                          .d_out = d_out,
                          .d_more = p->more ? d_more : NULL,
                          .d_sum = p->add ? d_out : NULL,
                          .d_x = x,
                          .d_gamma = d_gamma,
                          .d_beta = d_beta};
    double most = sqrt((double)s->n * s->rows);

    norm_forward(&q);
    assert_array(y, p->y, p->count, bf16, 1e-4);
    memset(y, 0xff, p->count * 4); /* not a number */
    norm_again(&q);
    assert_array(y, p->y, p->count, bf16, 1e-4);
    norm_backward(&b);
    if (p->add)
        assert_array(b.d_sum, p->d_sum, p->count, bf16, 1e-5);
    assert_array(b.d_x, p->d_x, p->count, bf16, 2e-4);
    for (int k = 0; k < s->channels; k++) {
        assert_near((double)mean[k], p->mean[k], 1e-6);
        assert_near((double)variance[k], p->variance[k], 1e-5);
        assert_near((double)d_beta[k], p->d_beta[k], 1e-5 * most);
        assert_near((double)d_gamma[k], p->d_gamma[k], 1e-5 * most);
    }
    free(x), free(shortcut), free(d_out), free(d_more);
    free(y), free(q.work);
}

/* Keeps values away from 0, where the result of the ReLU would depend on
 * rounding. */
static void avoid_zero(struct problem *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (fabs(p->y[i]) < 1e-3)
            p->d_out[i] = p->d_more[i] = 0;
}

/* Two nodes, each with a part of the pictures of a problem, and a third one
 * that has none of them. */
enum { NODES = 3 };

struct meeting {
    pthread_barrier_t barrier;
    char said[NODES][4 * (2 * CHANNELS_MAX + 1)];
};

struct divided {
    struct problem *p;
    struct meeting *meeting;
    int node, threads, first, n; /* pictures */
    float share;
    float d_gamma[CHANNELS_MAX], d_beta[CHANNELS_MAX];
};

static void meet(void *context, const void *mine, size_t size, void *all)
{
    struct divided *d = context;
    memcpy(d->meeting->said[d->node], mine, size);
    pthread_barrier_wait(&d->meeting->barrier);
    for (int i = 0; i < NODES; i++)
        memcpy((char *)all + (size_t)i * size, d->meeting->said[i], size);
    pthread_barrier_wait(&d->meeting->barrier);
}

/* Runs norm.h on a part. What it says that has no share is no number. */
static void *divided_run(void *context)
{
    struct divided *d = context;
    struct problem *p = d->p;
    const struct shape *s = &p->s;
    float mean[CHANNELS_MAX], variance[CHANNELS_MAX];
    float room[(NODES + 1) * (2 * CHANNELS_MAX + 1)];
    size_t each = (size_t)s->channels * s->rows, at = (size_t)d->first * each;
    size_t count = (size_t)d->n * each;
    const struct norm_join join = {NODES, d->share, meet, d, room};
    omp_set_num_threads(d->threads);
    float *x = array(count, 4), *d_out = array(count, 4), *y = array(count, 4);
    memcpy(x, p->x + at, count * 4);
    memcpy(d_out, p->d_out + at, count * 4);
    for (size_t i = 0; d->share == 0 && i < count; i++)
        x[i] = NAN;
    struct norm q = {.n = d->n,
                     .channels = s->channels,
                     .rows = s->rows,
                     .block = s->block,
                     .activation = p->by,
                     .epsilon = NORM_EPSILON,
                     .x = x,
                     .y = y,
                     .gamma = p->gamma,
                     .beta = p->beta,
                     .mean = mean,
                     .variance = variance,
                     .fixed = &p->fixed,
                     .join = &join};
    q.work = array(norm_work(d->n, s->channels, s->rows, s->block), 4);
    for (int k = 0; p->fixed && k < s->channels; k++) {
        mean[k] = (float)p->mean[k];
        variance[k] = (float)p->variance[k];
    }
    struct norm_back b = {.forward = &q,
                          .d_out = d_out,
                          .d_x = x,
                          .d_gamma = d->d_gamma,
                          .d_beta = d->d_beta};
    norm_forward(&q);
    norm_backward(&b);
    if (d->share > 0) {
        assert_array(y, p->y + at, count, false, 1e-4);
        assert_array(x, p->d_x + at, count, false, 2e-4);
    }
    for (int k = 0; !p->fixed && k < s->channels; k++) {
        assert_near((double)mean[k], p->mean[k], 1e-6);
        assert_near((double)variance[k], p->variance[k], 1e-5);
    }
    free(x), free(d_out), free(y), free(q.work);
    return NULL;
}

/* A batch that is divided gives what the whole gives. */
static void check_divided(struct problem *p, int threads)
{
    const struct shape *s = &p->s;
    struct meeting meeting;
    struct divided nodes[NODES];
    pthread_t thread[NODES];
    double most = sqrt((double)s->n * s->rows);
    int first = s->n / 3 + 1;
    pthread_barrier_init(&meeting.barrier, NULL, NODES);
    for (int i = 0; i < NODES; i++) {
        int from = i ? first : 0, to = i ? s->n : first;
        nodes[i] = (struct divided){.p = p,
                                    .meeting = &meeting,
                                    .node = i,
                                    .threads = threads,
                                    .first = from,
                                    .n = to - from,
                                    .share = (float)(to - from) / (float)s->n};
        if (i == NODES - 1)
            nodes[i].share = 0;
        pthread_create(&thread[i], NULL, divided_run, &nodes[i]);
    }
    for (int i = 0; i < NODES; i++)
        pthread_join(thread[i], NULL);
    for (int k = 0; k < s->channels; k++) {
        assert_near((double)(nodes[0].d_beta[k] + nodes[1].d_beta[k]),
                    p->d_beta[k], 1e-5 * most);
        assert_near((double)(nodes[0].d_gamma[k] + nodes[1].d_gamma[k]),
                    p->d_gamma[k], 1e-5 * most);
    }
    pthread_barrier_destroy(&meeting.barrier);
}

static bool can_divide(const struct problem *p)
{
    return p->s.n > 1 && !p->bf16 && !p->add && !p->more;
}

static void run_all(int threads)
{
    omp_set_num_threads(threads);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int kind = 0; kind < 64; kind++) {
            struct problem p;
            /* residual networks do not have it */
            bool add_alone = (kind & 3) == 2;
            if (add_alone || (shapes[i].rows * shapes[i].n == 1))
                continue;
            problem_open(&p, &shapes[i], kind);
            for (int pass = 0; pass < 2; pass++) {
                for (int k = 0; k < p.s.channels; k++)
                    naive_channel(&p, k);
                avoid_zero(&p);
            }
            check(&p);
            if (can_divide(&p))
                check_divided(&p, threads);
            problem_release(&p);
        }
}

static void agrees_by_blocks(void **state)
{
    (void)state;
    run_all(1);
}

static void agrees_by_pieces(void **state)
{
    (void)state;
    run_all(3);
}

/* The results are the same bits with any number of threads. */
static void threads_do_not_show(void **state)
{
    struct problem p;
    float mean[2][CHANNELS_MAX], variance[2][CHANNELS_MAX];
    float *y[2];

    (void)state;
    problem_open(&p, &shapes[4], 1);
    for (int t = 0; t < 2; t++) {
        const struct shape *s = &p.s;
        y[t] = array(p.count, 4);
        struct norm q = {.n = s->n,
                         .channels = s->channels,
                         .rows = s->rows,
                         .block = s->block,
                         .activation = ACTIVATION_RELU,
                         .epsilon = NORM_EPSILON,
                         .x = p.x,
                         .y = y[t],
                         .gamma = p.gamma,
                         .beta = p.beta,
                         .mean = mean[t],
                         .variance = variance[t]};
        q.work = array(norm_work(s->n, s->channels, s->rows, s->block), 4);
        omp_set_num_threads(t ? 7 : 1);
        norm_forward(&q);
        free(q.work);
    }
    assert_memory_equal(y[0], y[1], p.count * 4);
    assert_memory_equal(mean[0], mean[1], sizeof(float) * 24);
    assert_memory_equal(variance[0], variance[1], sizeof(float) * 24);
    free(y[0]);
    free(y[1]);
    problem_release(&p);
}

/* A channel with a single element is its own mean. */
static void one_element(void **state)
{
    float x[8], y[8], ones[8], zeros[8] = {0}, mean[8], variance[8];
    float *work = array(norm_work(1, 8, 1, 8), 4);

    (void)state;
    for (int i = 0; i < 8; i++)
        x[i] = (float)i, ones[i] = 1;
    struct norm q = {.n = 1,
                     .channels = 8,
                     .rows = 1,
                     .block = 8,
                     .epsilon = NORM_EPSILON,
                     .x = x,
                     .y = y,
                     .gamma = ones,
                     .beta = zeros,
                     .mean = mean,
                     .variance = variance,
                     .work = work};
    norm_forward(&q);
    for (int i = 0; i < 8; i++)
        assert_true(y[i] == 0 && mean[i] == x[i] && variance[i] == 0);
    free(work);
}

/* norm_pool.h is compared with norm_forward() and norm_backward() and a naive
 * pooling between them. */

struct pooling {
    struct norm norm;
    int side, half;
    float *full, *d_full; /* relu(norm(x)) and its gradient */
    float *y, *d_out;     /* pooled */
    float *d_x, d_gamma[64], d_beta[64];
};

/* Pools naively. Of equal largest values of a window the first gets the
 * gradient. */
static void naive_pool(struct pooling *p, size_t plane, size_t out)
{
    int best_y = -1, best_x = -1, block = p->norm.block;
    size_t pixel = out % ((size_t)p->half * p->half);

    for (int k = 0; k < block; k++) {
        float best = -1;
        for (int i = 0; i < 9; i++) {
            int y = (int)(pixel / p->half) * 2 - 1 + i / 3;
            int x = (int)(pixel % p->half) * 2 - 1 + i % 3;
            if (y < 0 || y >= p->side || x < 0 || x >= p->side)
                continue;
            float v = p->full[(plane + (size_t)y * p->side + x) * block + k];
            if (v > best)
                best = v, best_y = y, best_x = x;
        }
        p->y[out * block + k] = best;
        p->d_full[(plane + (size_t)best_y * p->side + best_x) * block + k] +=
            p->d_out[out * block + k];
    }
}

static void naive_pooling(struct pooling *p)
{
    struct norm_back back = {.forward = &p->norm,
                             .d_out = p->d_full,
                             .d_x = p->d_x,
                             .d_gamma = p->d_gamma,
                             .d_beta = p->d_beta};
    int planes = p->norm.n * p->norm.channels / p->norm.block;

    p->norm.y = p->full;
    norm_forward(&p->norm);
    for (int i = 0; i < planes * p->half * p->half; i++)
        naive_pool(p, (size_t)(i / (p->half * p->half)) * p->norm.rows,
                   (size_t)i);
    norm_backward(&back);
}

static void check_pooling(const struct pooling *p, bool bf16)
{
    size_t count = (size_t)p->norm.n * p->norm.channels;
    size_t all = count * p->norm.rows, few = count * p->half * p->half;
    float d_gamma[64], d_beta[64];
    void *x = packed(p->norm.x, all, bf16);
    void *d_out = packed(p->d_out, few, bf16), *none = array(few, 4);
    bool second = p->side % 2; /* all of the gradient is in d_more */
    struct norm_pool q = {.norm = p->norm,
                          .side = p->side,
                          .top = array(few, 4),
                          .place = array(few, 1)};
    void *y = q.norm.y = array(few, 4);
    q.norm.x = x;
    q.norm.bf16 = bf16;
    struct norm_pool_back b = {.forward = &q,
                               .d_out = second ? none : d_out,
                               .d_more = second ? d_out : none,
                               .d_sum = d_out,
                               .d_x = x,
                               .d_gamma = d_gamma,
                               .d_beta = d_beta};

    norm_pool_forward(&q);
    for (size_t i = 0; i < few; i++)
        assert_near((double)unpacked(y, i, bf16), (double)p->y[i],
                    bf16 ? 1e-2 : 0);
    norm_pool_backward(&b);
    for (size_t i = 0; i < all; i++)
        assert_near((double)unpacked(x, i, bf16), (double)p->d_x[i],
                    bf16 ? 2e-2 : 1e-4);
    for (int k = 0; k < p->norm.channels; k++) {
        assert_near((double)d_gamma[k], (double)p->d_gamma[k], 1e-3);
        assert_near((double)d_beta[k], (double)p->d_beta[k], 1e-3);
    }
    free(x), free(d_out), free(none), free(y);
    free(q.top), free(q.place);
}

static void try_pooling(int n, int channels, int side, int block, bool bf16)
{
    struct problem from;
    const struct shape s = {n, channels, side * side, block};
    float mean[64], variance[64];
    int half = norm_pool_side(side);
    size_t few = (size_t)n * channels * half * half;

    problem_open(&from, &s, bf16 ? 4 : 0);
    for (int k = 0; k < channels; k += 3) /* some factors are negative */
        from.gamma[k] = -from.gamma[k];
    struct pooling p = {.norm = {.n = n,
                                 .channels = channels,
                                 .rows = side * side,
                                 .block = block,
                                 .activation = ACTIVATION_RELU,
                                 .epsilon = NORM_EPSILON,
                                 .x = from.x,
                                 .gamma = from.gamma,
                                 .beta = from.beta,
                                 .mean = mean,
                                 .variance = variance},
                        .side = side,
                        .half = half};
    p.norm.work = array(norm_work(n, channels, side * side, block), 4);
    p.full = array(from.count, 4), p.d_full = array(from.count, 4);
    p.d_x = array(from.count, 4);
    p.y = array(few, 4), p.d_out = array(few, 4);
    for (size_t i = 0; i < few; i++)
        p.d_out[i] = rounded(wave(i, 0.37f), bf16);
    naive_pooling(&p);
    check_pooling(&p, bf16);
    free(p.norm.work), free(p.full), free(p.d_full), free(p.d_x);
    free(p.y), free(p.d_out);
    problem_release(&from);
}

static void pools(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2) {
        omp_set_num_threads(threads);
        for (int bf16 = 0; bf16 < 2; bf16++) {
            try_pooling(1, 8, 2, 8, bf16);
            try_pooling(3, 16, 7, 8, bf16);
            try_pooling(2, 64, 16, 8, bf16);
            try_pooling(5, 32, 9, 16, bf16);
            try_pooling(2, 64, 31, 64, bf16);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_by_blocks),
        cmocka_unit_test(agrees_by_pieces),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(one_element),
        cmocka_unit_test(pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
