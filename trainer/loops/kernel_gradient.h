/*
 * The gradient of a convolution's kernel, computed directly, with activations
 * in blocks of 8 or 16 channels (dnn.h).
 *
 * What it buys: for 3 x 3 kernels oneDNN 2.6 reaches 135 of the 215 GFLOPS of
 * an AVX2 processor, and 40 on pictures of 2 x 2 pixels; this reaches 190. With
 * AVX-512 oneDNN is as fast on large pictures, but on those of a few pixels it
 * multiplies with the padding, which is most of what a kernel covers there:
 * 4.1 ms for 256 channels of 2 x 2 pixels in bf16, where the convolution itself
 * takes 0.45. Without that, a training step at 32 pixels runs 1.19 times as
 * fast in bf16 and 1.13 times in f32 (two cores of a Zen 4, batches of 64).
 * trainer/net/kernels.c chooses between this, oneDNN and winograd.h.
 *
 * The layout of the kernel is [out / block][in / block][kernel][kernel]
 * [block in][block out], in f32. Activations in bf16 are multiplied two
 * pictures at once, for which they are copied to the work area. Sums are in
 * f32. Nothing is allocated.
 *
 * Reference: tests/unit/loops/kernel_gradient_test.c holds each element against
 * expected(), a naive sum in double.
 */
#ifndef PRIMO_KERNEL_GRADIENT_H
#define PRIMO_KERNEL_GRADIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_gradient {
    int n;                   /* pictures */
    int in, out;             /* channels */
    int side, result_side;   /* pixels of a side, of the input and the result */
    int kernel, stride, pad; /* pad < kernel */
    int block;               /* channels of a block: 8 or 16; bf16 needs 16 */
    bool bf16;
    const void *source;   /* [n][in / block][side * side][block] */
    const void *d_result; /* [n][out / block][result_side ...][block] */
    float *d_kernel;      /* the result; aligned to a block, like the others */
    uint32_t *work;       /* kernel_gradient_work() words; NULL in f32 */
};

/* Whether there is a loop for so many channels. */
bool kernel_gradient_fits(int in, int out, int block);
size_t kernel_gradient_work(const struct kernel_gradient *g); /* words */

/* Sums over the pictures, in the same order with any number of threads. The
 * gradient of an element of the kernel that meets nothing but padding is not
 * written: it has been 0 since the buffer was allocated. */
void kernel_gradient(const struct kernel_gradient *g);

#endif
