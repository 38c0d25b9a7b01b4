/*
 * Convolutions of 3 x 3 kernels with stride 1 and padding 1 by Winograd's
 * algorithm (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2015): 2 x 2 results, or the 3 x 3 of a kernel's gradient, cost
 * the 4 x 4 products of a tile instead of 36. oneDNN 2.6 has it in f32 alone,
 * and there for a kernel's gradient of many channels it is slow.
 *
 * Sums are in f32; in bf16, besides source and result, what is multiplied is
 * rounded once more. Activations are in blocks of 16 channels (dnn.h). Results
 * do not depend on the number of threads.
 */
#ifndef PRIMO_WINOGRAD_H
#define PRIMO_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WINOGRAD_BLOCK = 16 }; /* channels */

/* In bf16. */
struct winograd {
    int n;       /* pictures */
    int in, out; /* channels */
    int side;
    const uint16_t *source; /* [n][in / 16][side * side][16] */
    const uint16_t *kernel; /* a winograd_kernel()'s */
    const float *bias;      /* [out]; NULL = none */
    bool sum;               /* what `result` holds is added */
    bool relu;
    uint16_t *result; /* out: [n][out / 16][side * side][16] */
    void *work;       /* winograd_work() bytes, aligned to 64, as the others */
    int threads;      /* at most */
};

/* A kernel, transformed, for it. */
struct winograd_kernel {
    int in, out;
    const float *master; /* [out / 16][in / 16][3][3][16 in][16 out] */
    const float *scale;  /* [out]: by which it is multiplied; NULL = 1 */
    bool back;    /* for the source's gradient from the result's: then struct
                   * winograd's `in` is this one's `out`; without scale */
    uint16_t *to; /* winograd_kernel_size() bytes */
};

/* In bf16 or f32. */
struct winograd_gradient {
    int n, in, out, side;
    bool bf16;
    const void *source;   /* as in struct winograd */
    const void *d_result; /* [n][out / 16][side * side][16] */
    float *d_kernel;      /* out, as a master lies */
    void *work;           /* winograd_gradient_work() bytes */
};

/* Whether this processor can, and it pays. */
bool winograd_fits(int in, int out, int side, bool bf16);
size_t winograd_kernel_size(int in, int out);
size_t winograd_work(const struct winograd *w);
size_t winograd_gradient_work(const struct winograd_gradient *g);

void winograd_kernel(const struct winograd_kernel *k);
void winograd(const struct winograd *w);
void winograd_gradient(const struct winograd_gradient *g);

#endif
