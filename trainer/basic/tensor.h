/*
 * A named tensor: the form in which weights travel between the network, the
 * checkpoint and the exports.
 *
 * Values are f32 in row-major order: convolution kernels are [out, in, height,
 * width], the head's weight is [classes, features], all others are [n]. Names
 * are torchvision's ("layer1.0.conv1.weight"). The data belong to whoever made
 * the tensor.
 */
#ifndef PRIMO_TENSOR_H
#define PRIMO_TENSOR_H

#include <stddef.h>
#include <stdint.h>

struct tensor {
    char name[64];
    int rank;       /* 0 to 4 */
    int64_t dim[4]; /* dim[rank..] = 1 */
    float *data;
};

/* Takes one of many tensors, which is valid only during the call; 0 or -errno.
 */
struct reason;
typedef int tensor_visit(void *context, const struct tensor *t,
                         struct reason *why);

/* Writes the values of a tensor to t->data. Returns 1, or 0 if it has none for
 * this tensor, or -errno. */
typedef int tensor_fill(void *context, const struct tensor *t,
                        struct reason *why);

/* The number of elements in t. */
static inline size_t tensor_count(const struct tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (size_t)t->dim[i];
    return n;
}

#endif
