/*
 * The kernels of the convolutions in the forms in which they are computed
 * with: forward, backward, and folded for evaluation (batch normalisation
 * multiplied into kernel and bias). Those of training are copied from the
 * masters right before they are used, one in the place of the other; where
 * a form is the master itself, nothing is copied. Those of evaluation stay
 * until the weights change.
 */
#ifndef PRIMO_KERNELS_H
#define PRIMO_KERNELS_H

#include "trainer/net/weights.h"

struct kernel {
    struct dnn_conv_layouts layouts; /* those of training */
    struct dnn_tensor folded, bias;  /* of evaluation */
    /* by winograd.h, but for its gradient; of the layouts, then, there is the
     * master's alone */
    bool winograd;
    enum kernel_gradient_by { BY_ONEDNN, BY_LOOPS, BY_WINOGRAD } gradient;
    bool fold_owned; /* else it lies over the gradients */
};

struct kernels {
    struct dnn *dnn;               /* not owned */
    const struct weights *weights; /* likewise */
    const struct network *network;
    struct kernel row[NETWORK_LAYERS_MAX]; /* those of convolutions are used */
    void *form;   /* room for one kernel in any of its forms, for a moment */
    float *scale; /* likewise, for a factor for each output */
    bool training;
};

/* Life cycle */

/* The convolution of a row, for n pictures of a side. */
struct dnn_conv kernel_shape(const struct layer *row, int n, int side);
/* Choose the layouts, for n pictures of a side. */
int kernels_choose(struct kernels *k, struct dnn *dnn,
                   const struct network *network, int n, int image_size,
                   bool training, struct reason *why);
/* The masters' layouts, by row. */
void kernels_masters(const struct kernels *k,
                     const struct dnn_layout *out[NETWORK_LAYERS_MAX]);
/* Allocate; `weights` must outlive it. */
int kernels_open(struct kernels *k, const struct weights *weights,
                 struct reason *why);
void kernels_release(struct kernels *k);

/* Change */
/* For evaluation, after the weights changed; what training has computed of
 * gradients is gone. */
int kernels_fold(struct kernels *k, struct reason *why);

#endif
