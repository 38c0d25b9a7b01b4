/*
 * Convolutions of 3 x 3 kernels with stride 1 and padding 1 by Winograd's
 * algorithm (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2015). Source and kernel are transformed to tiles of 4 x 4
 * elements; 16 products of such tiles then give 2 x 2 results, or the 3 x 3
 * elements of a kernel's gradient, for which the direct way needs 36 products.
 *
 * What it buys: oneDNN 2.6 has the algorithm only in f32, and only with
 * AVX-512; without that, winograd_f32.h has it. In bf16, on two cores of a Zen
 * 4, single layers of ResNet-18 at 224 pixels run 1.2 to 1.9 times as fast as
 * oneDNN's direct convolutions, a training step 1.32 times and an evaluation
 * 1.4 times. In f32 only the gradient of kernels with very
 * many channels is taken from here: for 512 channels of 7 x 7 pixels it takes
 * 11.3 ms, where kernel_gradient.h takes 15.4. docs/measurements.md has whole
 * trainings.
 *
 * What it costs: in bf16 the transformed source and kernel are rounded once
 * more before they are multiplied, which moves a result by 0.4 % (root mean
 * square), as much as rounding the result itself does. Sums are in f32.
 *
 * Activations are in blocks of 16 channels (dnn.h). Results do not depend on
 * the number of threads, and nothing is allocated. tests/unit/loops/
 * winograd_test.c holds each function against a naive convolution in double:
 * winograd() must equal expected(), or expected_back() with a kernel that was
 * transformed with `back`, and winograd_gradient() must equal
 * expected_gradient().
 */
#ifndef PRIMO_WINOGRAD_H
#define PRIMO_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WINOGRAD_BLOCK = 16 }; /* channels */

/* One convolution, in bf16: result = relu(source * kernel + bias + result),
 * each part of which but the first may be left out. */
struct winograd {
    int n;       /* pictures */
    int in, out; /* channels */
    int side;
    const uint16_t *source; /* [n][in / 16][side * side][16] */
    const uint16_t *kernel; /* as winograd_kernel() has written it */
    const float *bias;      /* [out]; NULL = none */
    bool sum;               /* add what `result` holds already */
    bool relu;
    uint16_t *result; /* out: [n][out / 16][side * side][16] */
    void *work;  /* winograd_work() bytes; aligned to 64, like the others */
    int threads; /* use at most so many */
};

/* The transformation of a kernel for struct winograd. */
struct winograd_kernel {
    int in, out;
    const float *master; /* [out / 16][in / 16][3][3][16 in][16 out] */
    const float *scale;  /* [out]: a factor for each output; NULL = 1 */
    /* Transform the kernel for the way back: winograd() then computes the
     * gradient of the source from that of the result, and its `in` is this
     * kernel's `out`. No scale is applied then. */
    bool back;
    uint16_t *to; /* winograd_kernel_size() bytes */
};

/* The gradient of a kernel, in bf16 or f32. */
struct winograd_gradient {
    int n, in, out, side;
    bool bf16;
    const void *source;   /* as in struct winograd */
    const void *d_result; /* [n][out / 16][side * side][16] */
    float *d_kernel;      /* the result, in the layout of `master` above */
    void *work;           /* winograd_gradient_work() bytes */
};

/* Whether this processor has the instructions, the channels fill whole vectors,
 * and the algorithm is worth its transformations for pictures of this side.
 * It is a rule, and not measured where a network runs, so that processors with
 * these instructions give the same bits; make bench BENCH=tiles says whether it
 * is right for one. */
bool winograd_fits(int in, int out, int side, bool bf16);
/* Sizes of buffers, in bytes. */
size_t winograd_kernel_size(int in, int out);
size_t winograd_work(const struct winograd *w);
size_t winograd_gradient_work(const struct winograd_gradient *g);

void winograd_kernel(const struct winograd_kernel *k);
void winograd(const struct winograd *w);
void winograd_gradient(const struct winograd_gradient *g);

#endif
