/*
 * What the files of kernel gradients share: kernel_gradient.c cuts the work,
 * kernel_gradient_add.c multiplies. All elements are 32 bits wide: a float, or
 * the two bf16 that the same pixel and channel has in two pictures.
 */
#ifndef PRIMO_KERNEL_GRADIENT_INSIDE_H
#define PRIMO_KERNEL_GRADIENT_INSIDE_H

#include "trainer/loops/kernel_gradient.h"

enum { PAIR = 2 /* blocks of outputs that are computed together */ };

/* A part of the activations: some pictures, or some rows of one. It is so small
 * that it stays in the cache while the kernels of many units are added to. For
 * one tap, an element of the kernel, it has only the rows and columns in which
 * the tap does not meet padding. Ends are exclusive. */
struct stretch {
    int y, x; /* the tap's place in the kernel */
    int picture, picture_end;
    int row, row_end, column, column_end; /* pixels of the result */
};

/* What is added to together: the kernels from a block of inputs to a pair of
 * blocks of outputs. */
struct unit {
    const float *source;         /* where the block of inputs begins */
    const float *d_result[PAIR]; /* where the blocks of outputs begin */
    float *d_kernel[PAIR];       /* [block in][block out], for one tap */
};

/* Adds the products of a stretch to the gradient of one tap of a unit. */
typedef void add_tap(const struct kernel_gradient *g, const struct stretch *s,
                     const struct unit *u);
add_tap kernel_gradient_add_8, kernel_gradient_add_16;
/* The one for pairs of bf16 that this processor runs best. */
add_tap *kernel_gradient_adder_of_pairs(void);

#endif
