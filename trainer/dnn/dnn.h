/*
 * oneDNN, as far as the network needs it. Only the files of this folder know
 * its interface, which changed in 3.0.
 *
 * A layout says how the elements of a tensor lie in memory; an op is a
 * primitive with the memory it works on. Layouts belong to the struct dnn and
 * live as long as it does; ops belong to whoever made them, memory to whoever
 * allocated it. All ops of a struct dnn share one scratchpad, and must run one
 * after the other; only dnn_reorder() may run in another thread at the same
 * time. An op uses as many OpenMP threads as were set when it was made.
 *
 * Pictures and activations are [n, channels, side, side], kernels [out, in,
 * kernel, kernel]; padding is the same on all sides. In a `block` layout the
 * elements lie as [n][channels / block][side * side][block].
 */
#ifndef PRIMO_DNN_H
#define PRIMO_DNN_H

#include "core/basic/reason.h"
#include "core/network/activation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dnn;
struct dnn_layout;
struct dnn_op;

enum dnn_type { DNN_F32, DNN_BF16 };

struct dnn_tensor {
    const struct dnn_layout *layout; /* NULL = no such tensor */
    void *data;
};

struct dnn_conv {
    int n, in, out; /* pictures, channels of the input and of the output */
    int side;       /* side of the input */
    int kernel, stride, pad;
};

/* The layouts that oneDNN prefers for a convolution. */
struct dnn_conv_layouts {
    const struct dnn_layout *source;  /* the input */
    const struct dnn_layout *forward; /* the kernel, compute type */
    const struct dnn_layout *back;    /* the kernel for the source's gradient */
    const struct dnn_layout *master;  /* the kernel's gradient, f32 */
};

/* Life cycle */

/* ENOTSUP: oneDNN has no bf16 for this processor. */
int dnn_open(struct dnn **out, enum dnn_type compute, struct reason *why);
void dnn_free(struct dnn *d); /* NULL is fine; frees the layouts */
void dnn_op_free(struct dnn_op *op);
/* Allocate memory for tensors: aligned, zeroed, and on huge pages if it is
 * large. Release it with free(). NULL = out of memory. */
void *dnn_alloc(size_t size);
/* The same, but it is not zeroed: large memory is none until it is written. */
void *dnn_reserve(size_t size);
/* Zero memory with all threads. */
void dnn_clear(void *data, size_t size);

/* Layouts; NULL means out of memory */

/* The row-major layout. */
const struct dnn_layout *dnn_plain(struct dnn *d, enum dnn_type type, int rank,
                                   const int64_t *dim);
/* The layout of activations, in the compute type and the network's block. */
const struct dnn_layout *dnn_activation(struct dnn *d, int n, int channels,
                                        int side);
/* The layout in which kernel_gradient.h computes a kernel's gradient, f32. */
const struct dnn_layout *dnn_kernel_in_blocks(struct dnn *d,
                                              const struct dnn_conv *c);
/* The layout in which depthwise.h has the kernels of so many channels, f32:
 * [channels / block][kernel * kernel][block]. */
const struct dnn_layout *dnn_kernel_by_channel(struct dnn *d, int channels,
                                               int kernel);
size_t dnn_layout_size(const struct dnn_layout *l); /* bytes, with padding */
bool dnn_layout_same(const struct dnn_layout *a, const struct dnn_layout *b);
int dnn_block(const struct dnn *d); /* channels in a block; 0 = all of them */
/* So many channels and the padding of their last block. */
int dnn_padded(const struct dnn *d, int channels);
enum dnn_type dnn_compute(const struct dnn *d);
/* Whether this processor computes with bf16 in hardware. */
bool dnn_bf16_fast(void);

/* Choose the layouts of the kernels, and of a source that is not an activation
 * (in = 3). Without `training`, only those for inference are set. */
int dnn_conv_choose(struct dnn *d, const struct dnn_conv *c, bool training,
                    struct dnn_conv_layouts *out, struct reason *why);
int dnn_conv_side(const struct dnn_conv *c); /* side of the output */
/* Whether oneDNN computes the convolution by Winograd's algorithm, which takes
 * 6 x 6 multiplications for 4 x 4 results of a 3 x 3 kernel instead of 12 x 12.
 * It pays if most of the tiles at the right and lower edges is used. oneDNN has
 * it only with AVX-512, in f32. */
bool dnn_conv_in_tiles(const struct dnn *d, const struct dnn_conv *c);

/* Ops: made once, run often */

int dnn_conv_train(struct dnn_op **out, struct dnn *d, const struct dnn_conv *c,
                   struct dnn_tensor source, struct dnn_tensor kernel,
                   struct dnn_tensor result, struct reason *why);
/* result = activate(convolution + bias + result?) */
struct dnn_conv_infer {
    struct dnn_conv conv;
    struct dnn_tensor source, kernel, bias, result;
    bool sum;
    enum activation activation; /* no hard sigmoid */
};
int dnn_conv_infer(struct dnn_op **out, struct dnn *d,
                   const struct dnn_conv_infer *c, struct reason *why);
int dnn_conv_back_data(struct dnn_op **out, struct dnn *d,
                       const struct dnn_conv *c, struct dnn_tensor d_source,
                       struct dnn_tensor kernel, struct dnn_tensor d_result,
                       struct reason *why);
int dnn_conv_back_kernel(struct dnn_op **out, struct dnn *d,
                         const struct dnn_conv *c, struct dnn_tensor source,
                         struct dnn_tensor d_kernel, struct dnn_tensor d_result,
                         struct reason *why);

/* Pooling of activations. In training, the maximum is pooled together with the
 * normalisation before it (norm_pool.h). */
enum dnn_pool { DNN_POOL_MAX, DNN_POOL_MEAN };
struct dnn_pooling {
    enum dnn_pool kind;
    int side; /* side of the input */
    int kernel, stride, pad;
    int n, channels;
};
int dnn_pool(struct dnn_op **out, struct dnn *d, const struct dnn_pooling *p,
             struct dnn_tensor source, struct dnn_tensor result,
             struct reason *why);
/* The way back, only for DNN_POOL_MEAN. */
int dnn_pool_back(struct dnn_op **out, struct dnn *d,
                  const struct dnn_pooling *p, struct dnn_tensor d_source,
                  struct dnn_tensor d_result, struct reason *why);

/* The head: result [n, out] = source [n, in] weight [out, in]^T + bias [out],
 * all plain f32. */
struct dnn_head {
    float *source, *weight, *bias, *result;
    int n, in, out;
};
int dnn_head(struct dnn_op **out, struct dnn *d, const struct dnn_head *h,
             bool training, struct reason *why);
int dnn_head_back_data(struct dnn_op **out, struct dnn *d,
                       const struct dnn_head *gradients, const float *weight,
                       struct reason *why);
int dnn_head_back_weight(struct dnn_op **out, struct dnn *d,
                         const struct dnn_head *gradients, const float *source,
                         struct reason *why);

/* Copy a tensor into another layout or type. */
int dnn_copy(struct dnn_op **out, struct dnn *d, struct dnn_tensor from,
             struct dnn_tensor to, struct reason *why);

int dnn_run(struct dnn *d, const struct dnn_op *op, struct reason *why);
/* Do what an op of dnn_copy() does, at once. May run in another thread while
 * ops run. */
int dnn_reorder(const struct dnn *d, struct dnn_tensor from,
                struct dnn_tensor to, struct reason *why);

#endif
