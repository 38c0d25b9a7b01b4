/*
 * Depthwise convolutions: each channel has a kernel of its own, which reads
 * nothing but that channel. Forward, with bias and activation fused for
 * evaluation, and back to the gradients of source and kernel.
 *
 * What it buys: on AVX2 oneDNN 2.6 has only its slow reference code where the
 * picture is smaller than the kernel, as 5 x 5 kernels of 2 x 2 pixels are, and
 * its sums depend on the number of threads. docs/measurements.md compares whole
 * steps.
 *
 * A thread takes a lane of one picture at a time and keeps the rows that a
 * window covers in f32, between columns of zeros, so that a loop over a row has
 * no borders. Sums are in f32, and those over pictures are taken in their
 * order: results do not depend on the number of threads. Nothing is allocated.
 * tests/unit/loops/depthwise_test.c holds each function against a naive
 * convolution in double.
 */
#ifndef PRIMO_DEPTHWISE_H
#define PRIMO_DEPTHWISE_H

#include "core/network/activation.h"

#include <stdbool.h>
#include <stddef.h>

enum { DEPTHWISE_KERNEL_MOST = 7 };

struct depthwise {
    int n, channels; /* of whole blocks */
    int side, result_side;
    int kernel, stride, pad; /* pad < kernel, which is at most 7 */
    int block;               /* a multiple of 8 */
    bool bf16;
    const void *source;   /* [n][channels / block][side * side][block] */
    const void *d_result; /* [n][channels / block][result_side ...][block] */
    const float *weights; /* [channels / block][kernel * kernel][block] */
    const float *bias;    /* [channels]; NULL = none */
    enum activation activation; /* of the result; no hard sigmoid */
    /* What is computed: the result, or the gradient of source or kernel. */
    void *result, *d_source;
    float *d_weights;
    float *work; /* depthwise_work() floats */
    int threads; /* use at most so many */
};

/* Read */
size_t depthwise_work(const struct depthwise *q);

/* Change */

/* Computes the result from source, weights and bias. */
void depthwise_forward(const struct depthwise *q);
/* Computes d_source from d_result and weights. */
void depthwise_back_source(const struct depthwise *q);
/* Computes d_weights from source and d_result. */
void depthwise_back_weights(const struct depthwise *q);

#endif
