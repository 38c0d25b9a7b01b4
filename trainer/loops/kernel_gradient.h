/*
 * The gradient of a convolution's kernel in loops of our own, with activations
 * in blocks of 8 or 16 channels (dnn.h). oneDNN 2.6 reaches two thirds of an
 * AVX2 processor there; and of one with AVX-512 a tenth, on pictures of a few
 * pixels, where most of a kernel falls on padding.
 *
 * The kernel's layout is [out / block][in / block][kernel][kernel]
 * [block in][block out], in f32. Activations in bf16 are multiplied two
 * pictures at once, for which they are copied to the work area.
 */
#ifndef PRIMO_KERNEL_GRADIENT_H
#define PRIMO_KERNEL_GRADIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_gradient {
    int n;                   /* pictures */
    int in, out;             /* channels */
    int side, result_side;   /* of the input; of the result */
    int kernel, stride, pad; /* pad < kernel */
    int block;               /* channels: 8 or 16; bf16 wants 16 */
    bool bf16;
    const void *source;   /* [n][in / block][side * side][block] */
    const void *d_result; /* [n][out / block][result_side ...][block] */
    float *d_kernel;      /* out; aligned to a block, as the others */
    uint32_t *work;       /* kernel_gradient_work() words; NULL in f32 */
};

/* Whether there is a loop for these channels. */
bool kernel_gradient_fits(int in, int out, int block);
size_t kernel_gradient_work(const struct kernel_gradient *g); /* words */

/* The sum over the pictures, in the same order with any number of threads.
 * Where an element of the kernel falls on padding in all of a picture, its
 * gradient is not written: it is 0 from the allocation on. */
void kernel_gradient(const struct kernel_gradient *g);

#endif
