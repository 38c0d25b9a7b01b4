/*
 * Batch normalisation, ReLU and maximum pooling in one, for the stem of a
 * residual network: y = pool(relu(normalise(x))), and the way back through all
 * three. What normalise() and relu() would leave is four times as large as
 * what the pooling keeps of it, and is never written.
 *
 * The window is 3 x 3, padded with -infinity by 1, in steps of 2. Layouts,
 * types and promises are those of norm.h.
 */
#ifndef PRIMO_NORM_POOL_H
#define PRIMO_NORM_POOL_H

#include "trainer/loops/norm.h"

#include <stdint.h>

struct norm_pool {
    struct norm norm; /* rows = side * side; relu, and no `add`; y is pooled */
    int side;         /* of x */
    void *top;        /* like y: the x that was its window's maximum */
    uint8_t *place;   /* like y: where that was in the window, 0 to 8 */
};

struct norm_pool_back {
    const struct norm_pool *forward;
    const void *d_out;  /* gradient of y */
    const void *d_more; /* to be added to d_out; NULL = none */
    void *d_sum;        /* like y, for work: may be d_out or d_more */
    void *d_x;
    float *d_gamma, *d_beta;
};

/* Read */
int norm_pool_side(int side); /* of y */

/* Change */
void norm_pool_forward(const struct norm_pool *q);
void norm_pool_backward(const struct norm_pool_back *q);

#endif
