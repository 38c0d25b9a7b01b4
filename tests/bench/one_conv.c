/*
 * Measures one convolution of 3 x 3 kernels in bf16, in each of the ways that
 * trainer/net/kernels.c chooses between:
 *   one_conv BATCH CHANNELS SIDE ROUNDS
 * prints a line for each of
 *   answer    forward, with a kernel that was made ready before
 *   forward   with a kernel that a training has to make ready
 *   back      to the gradient of the source, likewise
 *   kernel    to the gradient of the kernel
 * with milliseconds by Winograd's algorithm, by oneDNN's direct convolution
 * (or, for the kernel, by kernel_gradient.h), and whether the former is taken:
 * 1 or 0. These are medians of ROUNDS, each of which runs all ways, in
 * processor time of this thread, as a machine may have other work.
 */
#include "median.h"
#include "trainer/loops/kernel_gradient.h"
#include "trainer/loops/winograd.h"
#include "trainer/net/kernels.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS_MAX = 1000 };

enum way {
    COPY, /* of a kernel, to the layout of the next one */
    DIRECT,
    COPY_BACK,
    DIRECT_BACK,
    LOOPS,
    TRANSFORM, /* of a kernel, for the next one */
    TILES,
    TRANSFORM_BACK,
    TILES_BACK,
    TILES_KERNEL,
    WAYS
};

struct bench {
    struct dnn *dnn;
    struct dnn_op *op[LOOPS];
    struct kernel_gradient loops;
    struct winograd_kernel transform, transform_back;
    struct winograd tiles, tiles_back;
    struct winograd_gradient tiles_kernel;
    struct reason *why;
};

static struct dnn_tensor tensor(const struct dnn_layout *layout)
{
    return (struct dnn_tensor){layout, dnn_alloc(dnn_layout_size(layout))};
}

/* Fills bf16 with numbers between 2^-7 and 1, of either sign. */
static void fill(struct dnn_tensor t)
{
    uint32_t v = 1;
    for (size_t i = 0; i < dnn_layout_size(t.layout) / 2; i++) {
        v = v * 1664525 + 1013904223;
        ((uint16_t *)t.data)[i] =
            (uint16_t)(v >> 31 << 15 | (0x3c00 + (v >> 8) % 0x380));
    }
}

static int direct_open(struct bench *b, const struct dnn_conv *c,
                       struct dnn_tensor x, struct dnn_tensor y,
                       struct dnn_tensor master)
{
    struct dnn_conv_layouts l;
    int err = dnn_conv_choose(b->dnn, c, true, &l, b->why);
    if (err)
        return err;
    struct dnn_tensor forward = tensor(l.forward), back = tensor(l.back);
    err = dnn_copy(&b->op[COPY], b->dnn, master, forward, b->why);
    if (!err)
        err = dnn_copy(&b->op[COPY_BACK], b->dnn, master, back, b->why);
    if (!err)
        err = dnn_conv_train(&b->op[DIRECT], b->dnn, c, x, forward, y, b->why);
    if (!err)
        err = dnn_conv_back_data(&b->op[DIRECT_BACK], b->dnn, c, x, back, y,
                                 b->why);
    return err;
}

static void ours_open(struct bench *b, const struct dnn_conv *c,
                      struct dnn_tensor x, struct dnn_tensor y,
                      struct dnn_tensor master, struct dnn_tensor gradient)
{
    b->loops = kernel_gradient_of(b->dnn, c);
    b->loops.source = x.data;
    b->loops.d_result = y.data;
    b->loops.d_kernel = gradient.data;
    b->loops.work =
        dnn_alloc(kernel_gradient_work(&b->loops) * sizeof *b->loops.work);
    b->transform = b->transform_back = (struct winograd_kernel){
        .in = c->in,
        .out = c->out,
        .master = master.data,
        .to = dnn_alloc(winograd_kernel_size(c->in, c->out))};
    b->transform_back.back = true;
    b->tiles = (struct winograd){.n = c->n,
                                 .in = c->in,
                                 .out = c->out,
                                 .side = c->side,
                                 .source = x.data,
                                 .kernel = b->transform.to,
                                 .result = y.data,
                                 .threads = 1};
    b->tiles.work = dnn_alloc(winograd_work(&b->tiles));
    b->tiles_back = b->tiles;
    b->tiles_back.source = y.data;
    b->tiles_back.result = x.data;
    b->tiles_kernel = (struct winograd_gradient){.n = c->n,
                                                 .in = c->in,
                                                 .out = c->out,
                                                 .side = c->side,
                                                 .bf16 = true,
                                                 .source = x.data,
                                                 .d_result = y.data,
                                                 .d_kernel = gradient.data};
    b->tiles_kernel.work = dnn_alloc(winograd_gradient_work(&b->tiles_kernel));
}

/* Nothing is freed before the program ends. */
static int bench_open(struct bench *b, const struct dnn_conv *c)
{
    int err = dnn_open(&b->dnn, DNN_BF16, b->why);
    if (err)
        return err;
    const struct dnn_layout *kernels = dnn_kernel_in_blocks(b->dnn, c);
    const struct dnn_layout *pictures =
        dnn_activation(b->dnn, c->n, c->in, c->side);
    struct dnn_tensor x = tensor(pictures), y = tensor(pictures);
    struct dnn_tensor master = tensor(kernels), gradient = tensor(kernels);
    fill(x);
    fill(y);
    ours_open(b, c, x, y, master, gradient);
    return direct_open(b, c, x, y, master);
}

static int run(struct bench *b, enum way way)
{
    switch (way) {
    case LOOPS:
        kernel_gradient(&b->loops);
        return 0;
    case TRANSFORM:
        winograd_kernel(&b->transform);
        return 0;
    case TILES:
        winograd(&b->tiles);
        return 0;
    case TRANSFORM_BACK:
        winograd_kernel(&b->transform_back);
        return 0;
    case TILES_BACK:
        winograd(&b->tiles_back);
        return 0;
    case TILES_KERNEL:
        winograd_gradient(&b->tiles_kernel);
        return 0;
    default:
        return dnn_run(b->dnn, b->op[way], b->why);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int measure(struct bench *b, int rounds, double ms[WAYS])
{
    static double seconds[WAYS][ROUNDS_MAX];
    int err = 0;
    for (int i = -1; !err && i < rounds; i++) /* one to warm up */
        for (int way = 0; !err && way < WAYS; way++) {
            double began = now();
            err = run(b, (enum way)way);
            seconds[way][i < 0 ? 0 : i] = now() - began;
        }
    for (int way = 0; way < WAYS; way++)
        ms[way] = 1000 * median(seconds[way], rounds);
    return err;
}

int main(int argc, char **argv)
{
    struct reason why = REASON_INIT;
    struct bench b = {.why = &why};
    double ms[WAYS];
    int rounds = argc == 5 ? atoi(argv[4]) : 0;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: one_conv BATCH CHANNELS SIDE ROUNDS\n");
        return 2;
    }
    int channels = atoi(argv[2]), side = atoi(argv[3]);
    struct dnn_conv c = {.n = atoi(argv[1]),
                         .in = channels,
                         .out = channels,
                         .side = side,
                         .kernel = 3,
                         .stride = 1,
                         .pad = 1};
    if (bench_open(&b, &c) || measure(&b, rounds, ms)) {
        fprintf(stderr, "one_conv: %s\n", why.sentence);
        return 1;
    }
    bool taken = winograd_fits(channels, channels, side, true);
    printf("answer %.4g %.4g %d\n", ms[TILES], ms[DIRECT], taken);
    printf("forward %.4g %.4g %d\n", ms[TRANSFORM] + ms[TILES],
           ms[COPY] + ms[DIRECT], taken);
    printf("back %.4g %.4g %d\n", ms[TRANSFORM_BACK] + ms[TILES_BACK],
           ms[COPY_BACK] + ms[DIRECT_BACK], taken);
    printf("kernel %.4g %.4g %d\n", ms[TILES_KERNEL], ms[LOOPS], taken);
    return 0;
}
