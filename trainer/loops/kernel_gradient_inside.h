/*
 * Inside of kernel gradients: what kernel_gradient.c, which cuts the work, has
 * the loops of one width add up. All elements are 32 bits wide: a float, or the
 * bf16 of the same place in two pictures.
 */
#ifndef PRIMO_KERNEL_GRADIENT_INSIDE_H
#define PRIMO_KERNEL_GRADIENT_INSIDE_H

#include "trainer/loops/kernel_gradient.h"

enum { PAIR = 2 /* blocks of outputs that are computed together */ };

/* A tap is an element of the kernel. What is added to it at once: some
 * pictures, or some rows of one, that stay in the cache while all of a
 * thread's kernels are added to, and no column for which it falls on padding.
 * Ends are not in it. */
struct stretch {
    int y, x; /* of the tap */
    int picture, picture_end;
    int row, row_end, column, column_end; /* of the result */
};

/* Where a unit's data begin: a block of inputs, a pair of blocks of outputs. */
struct unit {
    const float *source;
    const float *d_result[PAIR];
    float *d_kernel[PAIR]; /* [block in][block out], those of the tap */
};

/* Add one tap's products of a block with two. */
typedef void add_tap(const struct kernel_gradient *g, const struct stretch *s,
                     const struct unit *u);
add_tap kernel_gradient_add_8, kernel_gradient_add_16;
/* bf16: for this processor. */
add_tap *kernel_gradient_adder_of_pairs(void);

#endif
