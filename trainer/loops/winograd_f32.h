/*
 * Convolutions of 3 x 3 kernels with stride 1 and padding 1 in f32 by
 * Winograd's algorithm, for processors with AVX2. Source and kernel are
 * transformed to tiles of 6 x 6 elements; 36 products of such tiles then give
 * 4 x 4 results, or the 3 x 3 elements of a kernel's gradient, for which the
 * direct way needs 144. winograd.h has smaller tiles: in bf16 larger ones would
 * lose too much.
 *
 * What it buys: oneDNN 2.6 has the algorithm in f32 only with AVX-512. On one
 * core of a Zen 3, the convolutions of ResNet-18 in batches of 16 pictures of
 * 224 pixels run 2.0 to 2.9 times as fast as oneDNN's direct ones, and in
 * batches of 64 pictures of 32 pixels 2.4 to 2.7 times where it fits. Gradients
 * of kernels are 1.6 to 2.8 times as fast as those of kernel_gradient.h.
 * docs/measurements.md has whole steps.
 *
 * What it costs: what is transformed has larger numbers than its sums, so that
 * results are off by 0.8, 1.4 and 1.8 millionths (root mean square) with 64,
 * 256 and 512 channels, where oneDNN's direct ones are by 0.4, 0.8 and 1.1.
 *
 * Why its products are loops of our own: dnnl_sgemm() with whole products
 * reaches as much (80 to 90 GFLOPS), but copies both factors in each call,
 * which for 4 to 16 tiles takes longer than multiplying them, and allocates.
 * As a convolution with 1 x 1 kernels in 36 groups, oneDNN reaches 60.
 *
 * Activations and kernels are in blocks of 8 channels (dnn.h). Results do not
 * depend on the number of threads nor, for a picture, on the others of the
 * batch, and nothing is allocated.
 * tests/unit/loops/winograd_f32_test.c holds each function against a naive
 * convolution in double.
 */
#ifndef PRIMO_WINOGRAD_F32_H
#define PRIMO_WINOGRAD_F32_H

#include <stdbool.h>
#include <stddef.h>

enum { WINOGRAD_F32_BLOCK = 8 }; /* channels */

/* result = relu(source * kernel + bias + result), each part of which but the
 * first may be left out. */
struct winograd_f32 {
    int n;       /* pictures */
    int in, out; /* channels */
    int side;
    const float *source; /* [n][in / 8][side * side][8] */
    const float *kernel; /* [out / 8][in / 8][3][3][8 in][8 out] */
    /* Compute the gradient of a source from that of its result: `in` and
     * `source` are the result's then, and the kernel is that of the way
     * forward, whose inputs are this `out`: [in / 8][out / 8][3][3][8 out]
     * [8 in]. */
    bool back;
    const float *bias; /* [out]; NULL = none */
    bool sum;          /* add what `result` holds already */
    bool relu;
    float *result; /* out: [n][out / 8][side * side][8] */
    float *form;   /* winograd_f32_form() bytes, for the transformed kernel */
    float *work;   /* winograd_f32_work() bytes; aligned to 64, like `form` */
    int threads;   /* use at most so many */
};

/* The gradient of a kernel. */
struct winograd_f32_gradient {
    int n, in, out, side;
    const float *source;   /* as in struct winograd_f32 */
    const float *d_result; /* [n][out / 8][side * side][8] */
    float *d_kernel; /* the result: [out / 8][in / 8][3][3][8 in][8 out] */
    float *form;     /* winograd_f32_form() bytes, for sums */
    float *work;     /* winograd_f32_gradient_work() bytes */
};

/* Whether this processor has the instructions, the channels fill whole vectors,
 * and the algorithm is worth its transformations for pictures of this side. */
bool winograd_f32_fits(int in, int out, int side);
/* Sizes of buffers, in bytes. */
size_t winograd_f32_form(int in, int out);
size_t winograd_f32_work(const struct winograd_f32 *w);
size_t winograd_f32_gradient_work(const struct winograd_f32_gradient *g);

void winograd_f32(const struct winograd_f32 *w);
void winograd_f32_gradient(const struct winograd_f32_gradient *g);

#endif
