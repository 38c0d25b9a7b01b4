/*
 * Batch normalisation, ReLU and maximum pooling in one pass, for the stem of a
 * residual network: y = pool(relu(normalise(x))), and the way back through all
 * three. The window is 3 x 3, padded with -infinity by 1, in steps of 2.
 *
 * What it buys: what lies between the normalisation and the pooling is four
 * times as large as y, and the largest activation of a batch. Here it is never
 * written nor kept, which takes a fifth of the memory traffic away from a step
 * at 224 pixels.
 *
 * Layouts, types and promises are those of norm.h. Reference: norm_test.c holds
 * it against naive_pooling(), which pools what norm_forward() gives.
 */
#ifndef PRIMO_NORM_POOL_H
#define PRIMO_NORM_POOL_H

#include "trainer/loops/norm.h"

#include <stdint.h>

struct norm_pool {
    /* The normalisation: rows = side * side, with relu and without `add`. Its y
     * has the pooled shape, [n][channels / block][pooled rows][block]. */
    struct norm norm;
    int side;       /* pixels of a side of x */
    void *top;      /* shaped like y: the x that is the maximum of a window */
    uint8_t *place; /* shaped like y: where top is in its window, 0 to 8 */
};

struct norm_pool_back {
    const struct norm_pool *forward;
    const void *d_out;  /* the gradient of y */
    const void *d_more; /* what is added to d_out; NULL = nothing */
    void *d_sum;        /* work area shaped like y; may be d_out or d_more */
    void *d_x;          /* shaped like x; may be the forward x */
    float *d_gamma, *d_beta; /* [channels] */
};

/* Read */

/* Pixels of a side of y, for the side of x. */
int norm_pool_side(int side);

/* Change */
void norm_pool_forward(const struct norm_pool *q);
void norm_pool_backward(const struct norm_pool_back *q);

#endif
