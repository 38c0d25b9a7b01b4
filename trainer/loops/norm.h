/*
 * Batch normalisation, fused with its neighbours in a residual network:
 * y = activate(normalise(x) + add), and the way back through all three.
 *
 * What it buys: oneDNN 2.6 fuses the normalisation with the ReLU, but not with
 * the sum between them. Fused, each activation is read and written once less,
 * and a block of channels stays in the cache between its passes. These loops
 * are bound by memory, so that is what their time depends on.
 *
 * Activations are [n][channels / block][rows][block] in f32 or bf16 (dnn.h);
 * channels and block are multiples of 8. Sums are taken in an order that
 * depends on nothing but the shape, so that results repeat bit for bit with any
 * number of threads. Nothing is allocated.
 *
 * Reference: tests/unit/loops/norm_test.c holds all results against
 * naive_channel(), which is written in double.
 */
#ifndef PRIMO_NORM_H
#define PRIMO_NORM_H

#include "core/network/activation.h"

#include <stdbool.h>
#include <stddef.h>

/* How a batch is normalised of which several nodes compute parts: its
 * statistics are those of the whole batch, and so is what the way back
 * subtracts. It is as if one node had all of it, but for rounding. */
struct norm_join {
    int nodes;   /* 0 or 1 = the batch is not divided */
    float share; /* of the batch, which this node has; 0 = its pictures are only
                    there so that it takes part */
    /* Write the `size` bytes of each node, in their order, to `all`. Called by
     * the thread that normalises, while no other thread does. */
    void (*gather)(void *context, const void *mine, size_t size, void *all);
    void *context;
    float *room; /* [nodes + 1][norm_join_room()] */
};

struct norm {
    int n, channels, rows; /* rows: pixels of one picture */
    int block;
    bool bf16;
    enum activation activation; /* no hard sigmoid */
    float epsilon;              /* added to the variance */
    const void *x;              /* input of the normalisation */
    const void *add;     /* shaped like x, added to its output; NULL = none */
    void *y;             /* the output, shaped like x */
    float *gamma, *beta; /* [channels] */
    float *mean, *variance; /* [channels]: the batch's, biased */
    /* Whether mean and variance are given: then the forward pass does not
     * measure them, and the gradients take them for constants. NULL = false. */
    const bool *fixed;
    const struct norm_join *join; /* NULL = the batch is never divided */
    float *work; /* norm_work() floats, kept from forward to backward */
};

/* Where gradients come from and go to. All but the last two are shaped like
 * x. */
struct norm_back {
    const struct norm *forward;
    const void *d_out;  /* the gradient of y */
    const void *d_more; /* what is added to d_out; NULL = nothing */
    /* The gradient of normalise(x) + add, and so of `add`: that of the
     * activation's input. May be d_out or d_more; NULL if forward has no `add`.
     */
    void *d_sum;
    void *d_x;               /* may be the forward x */
    float *d_gamma, *d_beta; /* [channels] */
};

/* Read */

/* The size of a work area, in floats. */
size_t norm_work(int n, int channels, int rows, int block);
/* What a node says of a normalisation with so many channels, in floats. */
size_t norm_join_room(int channels);

/* Change */

/* Computes y, and mean and variance unless they are fixed. */
void norm_forward(const struct norm *q);
/* Computes y again, after norm_forward(). */
void norm_again(const struct norm *q);
/* Computes d_sum, d_x, d_gamma and d_beta, after norm_forward(). */
void norm_backward(const struct norm_back *q);

#endif
