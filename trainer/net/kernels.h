/*
 * The kernels of the convolutions in the forms in which they are computed
 * with: forward, backward, and folded for evaluation (batch normalisation
 * multiplied into kernel and bias). The forms of training are copied from the
 * masters right before they are used, one in the place of the other; where
 * a form is the master itself, nothing is copied. The forms of evaluation stay
 * until the weights change.
 */
#ifndef PRIMO_KERNELS_H
#define PRIMO_KERNELS_H

#include "trainer/loops/kernel_gradient.h"
#include "trainer/net/weights.h"

struct kernel {
    struct dnn_conv_layouts layouts; /* in training */
    struct dnn_tensor folded, bias;  /* in evaluation */
    /* Whether winograd.h computes the convolution and its source's gradient:
     * then `layouts` holds the master's alone. */
    bool winograd;
    enum kernel_gradient_by { BY_ONEDNN, BY_LOOPS, BY_WINOGRAD } gradient;
    bool fold_owned; /* else it lies over the gradients */
};

struct kernels {
    struct dnn *dnn;               /* not owned */
    const struct weights *weights; /* likewise */
    const struct network *network;
    struct kernel *row; /* [layers]; the rows of convolutions are used */
    void *form;         /* room for one kernel in any of its forms */
    float *scale;       /* room for a factor for each output of a kernel */
    bool training;
};

/* Life cycle */

/* The convolution of a row, for n pictures of a side. */
struct dnn_conv kernel_shape(const struct layer *row, int n, int side);
/* The shape of its kernel's gradient by loops of our own; the memory is for the
 * caller to add. */
struct kernel_gradient kernel_gradient_of(const struct dnn *d,
                                          const struct dnn_conv *c);
/* Choose the layouts, for n pictures of a side. */
int kernels_choose(struct kernels *k, struct dnn *dnn,
                   const struct network *network, int n, int image_size,
                   bool training, struct reason *why);
/* Allocate; `weights` must outlive it. */
int kernels_open(struct kernels *k, const struct weights *weights,
                 struct reason *why);
void kernels_release(struct kernels *k);

/* Change */
/* Make the kernels of evaluation, after the weights changed. They lie over the
 * gradients of training, which are gone. */
int kernels_fold(struct kernels *k, struct reason *why);

#endif
