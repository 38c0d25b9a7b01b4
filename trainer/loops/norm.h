/*
 * Batch normalisation, fused with what stands beside it in a residual
 * network: y = relu(normalise(x) + add), and the way back through all three.
 * oneDNN has the first and the last alone; fused, each activation is read and
 * written once less, and a block of channels stays in the cache between its
 * passes.
 *
 * Activations are [n][channels / block][rows][block] in f32 or bf16 (dnn.h);
 * channels and block are multiples of 8. Sums are taken in an order that
 * depends on the shape only, so that results repeat bit for bit, with any
 * number of threads. Nothing is allocated.
 */
#ifndef PRIMO_NORM_H
#define PRIMO_NORM_H

#include <stdbool.h>
#include <stddef.h>

struct norm {
    int n, channels, rows; /* rows: pixels of one picture */
    int block;
    bool bf16;
    bool relu;
    float epsilon;          /* added to the variance */
    const void *x;          /* input of the normalisation */
    const void *add;        /* added to its output; NULL = none */
    void *y;                /* the output */
    float *gamma, *beta;    /* [channels] */
    float *mean, *variance; /* [channels], of the batch (biased) */
    /* that mean and variance are given, and constants to the gradients; NULL =
     * they are not */
    const bool *fixed;
    float *work; /* norm_work() floats, from forward to backward */
};

/* Where the gradients are and go. With `add` in forward: d_out is masked by
 * y > 0 and kept in d_sum (the gradient of `add`, too). */
struct norm_back {
    const struct norm *forward;
    const void *d_out;  /* gradient of y */
    const void *d_more; /* to be added to d_out; NULL = none */
    void *d_sum;        /* may be d_out or d_more; NULL if !forward->add */
    void *d_x;          /* may be d_out, if !forward->add */
    float *d_gamma, *d_beta;
};

/* Read */
size_t norm_work(int n, int channels, int rows, int block); /* floats */

/* Change */
void norm_forward(const struct norm *q);
void norm_backward(const struct norm_back *q);

#endif
