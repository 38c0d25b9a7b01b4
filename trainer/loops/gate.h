/*
 * The two ends of a squeeze-excitation (Hu et al., "Squeeze-and-Excitation
 * Networks", 2017): the mean of each channel of a picture, from which small
 * matrix products make its gate, and the product of the channel with its gate;
 * and the ways back through both.
 *
 * What it buys: means and gates are plain f32 whatever the layout and the type
 * of activations, and the mean's way back adds to the product's gradient where
 * that lies. Both are bound by memory.
 *
 * Activations are [n][blocks][rows][block] in f32 or bf16 (dnn.h); block is a
 * multiple of 8, and the last block may be of fewer channels and padding, which
 * stays 0. Results do not depend on the number of threads, and nothing is
 * allocated. tests/unit/loops/gate_test.c holds each function against a naive
 * one in double.
 */
#ifndef PRIMO_GATE_H
#define PRIMO_GATE_H

#include <stdbool.h>

struct gate {
    int n, channels, rows; /* rows: pixels of one picture */
    int block;
    bool bf16;
    const void *x;
    float *values; /* [n][channels]: means, gates, or their gradients */
};

/* Computes the means of x. */
void gate_mean(const struct gate *q);
/* Adds to d_x, which is shaped like x, the gradient that comes from those of
 * the means; x is not read. */
void gate_mean_back(const struct gate *q, void *d_x);
/* Computes y = x * gates; y may be x. */
void gate_product(const struct gate *q, void *y);
/* Computes d_gates, and d_x = d_y * gates; d_x may be d_y. */
void gate_product_back(const struct gate *q, const void *d_y, void *d_x,
                       float *d_gates);

#endif
