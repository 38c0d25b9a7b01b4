/*
 * The kernels of the convolutions in the forms that computations need: forward,
 * backward, and folded for evaluation, which means that batch normalisation is
 * multiplied into kernel and bias. A form for training is copied from the
 * master right before it is used, into memory that all of them share; where the
 * layout is that of the master, nothing is copied. The forms for evaluation
 * stay until the weights change.
 */
#ifndef PRIMO_KERNELS_H
#define PRIMO_KERNELS_H

#include "trainer/loops/kernel_gradient.h"
#include "trainer/net/weights.h"

struct kernel {
    struct dnn_conv_layouts layouts; /* for training */
    struct dnn_tensor folded, bias;  /* for evaluation */
    /* Whether winograd.h computes the convolution and its source's gradient;
     * then only the master's layout in `layouts` is set. */
    bool winograd;
    /* Whether winograd_f32.h does, and makes the kernel's gradient. It reads
     * the layouts that oneDNN would. */
    bool winograd_f32;
    enum kernel_gradient_by { BY_ONEDNN, BY_LOOPS, BY_WINOGRAD } gradient;
    bool fold_owned; /* false = the folded kernel lies over the gradients */
};

struct kernels {
    struct dnn *dnn;               /* not owned */
    const struct weights *weights; /* not owned */
    const struct network *network;
    struct kernel *row; /* [layers]; only rows with a normalisation use
                                  theirs */
    void *form;         /* memory for one kernel in any form */
    float *scale;       /* memory for a factor for each output of a kernel */
    bool training;
};

/* Life cycle */

/* The convolution of a row, for n feature maps of side x side. */
struct dnn_conv kernel_shape(const struct layer *row, int n, int side);
/* The problem of computing its kernel's gradient by loops of our own; the
 * caller sets the pointers. */
struct kernel_gradient kernel_gradient_of(const struct dnn *d,
                                          const struct dnn_conv *c);
/* Choose the layouts, for n pictures of image_size x image_size. */
int kernels_choose(struct kernels *k, struct dnn *dnn,
                   const struct network *network, int n, int image_size,
                   bool training, struct reason *why);
/* Allocate the memory; `weights` must outlive the kernels. */
int kernels_open(struct kernels *k, const struct weights *weights,
                 struct reason *why);
void kernels_release(struct kernels *k);

/* Change */
/* Make the kernels for evaluation after the weights have changed. They
 * overwrite the gradients of training. */
int kernels_fold(struct kernels *k, struct reason *why);

#endif
