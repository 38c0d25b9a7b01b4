/*
 * The gradient of a convolution's kernel in f32, with activations in blocks of
 * 8 channels (dnn.h): a loop of our own. oneDNN 2.6 reaches two thirds of an
 * AVX2 processor there, and less on pictures smaller than the kernel, for which
 * it has no code for blocks at all.
 *
 * The kernel's layout is [out / 8][in / 8][kernel][kernel][8 in][8 out].
 */
#ifndef PRIMO_KERNEL_GRADIENT_H
#define PRIMO_KERNEL_GRADIENT_H

#include <stdbool.h>

enum { KERNEL_BLOCK = 8 };

struct kernel_gradient {
    int n;                   /* pictures */
    int in, out;             /* channels */
    int side, result_side;   /* of the input; of the result */
    int kernel, stride, pad; /* pad < kernel */
    const float *source;     /* [n][in / 8][side * side][8] */
    const float *d_result;   /* [n][out / 8][result_side * result_side][8] */
    float *d_kernel;         /* out; aligned to 32 bytes, as the others */
};

/* Whether there is a loop for these channels. */
bool kernel_gradient_fits(int in, int out);

/* The sum over the pictures, in the same order with any number of threads.
 * Where an element of the kernel falls on padding in all of a picture, its
 * gradient is not written: it is 0 from the allocation on. */
void kernel_gradient(const struct kernel_gradient *g);

#endif
