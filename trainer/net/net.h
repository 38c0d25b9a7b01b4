/*
 * The network: a ResNet in torchvision's shape (network.h), on oneDNN.
 *
 * One struct net holds the weights (f32 masters), their momenta, the running
 * statistics of batch normalisation, and everything that is allocated for a
 * batch size, an image side and a precision. Training is cut in two so that a
 * training can be stopped at any moment and repeated bit for bit:
 *   net_gradients()  forward and backward of one batch; changes no weight, no
 *                    momentum, no running statistic; may be abandoned
 *   net_update()     commits the batch: optimiser and running statistics
 * All functions of one net are called from one thread at a time, but for
 * net_export() and net_walk(), which may run beside net_gradients() and
 * net_predict() (not beside a change). Inside they use OpenMP with the number
 * of threads that it had when net_open() was called; equal inputs at an equal
 * number of threads give equal bits, also after net_export() and net_import().
 */
#ifndef PRIMO_NET_H
#define PRIMO_NET_H

#include "core/basic/reason.h"
#include "core/shared/network.h"
#include "trainer/basic/tensor.h"
#include "trainer/net/optimizer.h"

#include <stdbool.h>

struct net;

struct net_options {
    const struct network *network; /* NULL = the smallest */
    int classes;                   /* 2.. */
    int image_size;                /* side in pixels, 32.. */
    int batch;                     /* most pictures in one call, 1.. */
    bool bf16;                     /* bf16 arithmetic, f32 masters */
    bool training; /* false: evaluation only, no gradients allocated */
    const float *class_weights; /* [classes] in the loss, see loss.h; NULL = all
                                   1; must outlive the net */
    float addend; /* first scale of what a block adds last; see recipe.h */
    bool average; /* evaluate and export an average of the weights over the
                     updates; with training */
};

/* What net_update() does. */
struct net_rule {
    /* Decays kernels and the head's weight, but no biases and no
     * normalisation. */
    struct optimizer_rule step;
    float average; /* share of the new weights in the average; 0 = none */
};

/* Life cycle */

/* Build it with freshly initialised weights (He fan-out normal for kernels as
 * torchvision, from a counter-based generator of `seed`; see recipe.h). ENOMEM,
 * EINVAL, ENOTSUP (bf16 on a processor without AVX-512) with a reason. */
int net_open(struct net **out, const struct net_options *options, uint64_t seed,
             struct reason *why);
void net_free(struct net *net); /* NULL is fine */

/* Read */

/* Whether the processor computes with bf16 in hardware. */
bool net_bf16_fast(void);

/* Copies of the weights and running statistics in torchvision's order and
 * names (with .num_batches_tracked left out), averaged where there is an
 * average; with `state` not averaged, with the momenta, named "momentum.NAME",
 * and the average, named "average.NAME". One allocation behind *out; free it
 * with free(). */
int net_export(const struct net *net, bool state, struct tensor **out,
               int *count, struct reason *why);
/* The same, one after the other through a visitor, without a copy of all; and
 * how many they are. */
int net_walk(const struct net *net, bool state, tensor_visit *visit,
             void *context, struct reason *why);
int net_tensors(const struct net *net, bool state);
/* Mean loss of the last net_gradients() batch; not finite after divergence. */
float net_loss(const struct net *net);
/* The gradients of the last batch, named and laid out like the weights; EINVAL
 * after net_predict(). */
int net_export_gradients(const struct net *net, struct tensor **out, int *count,
                         struct reason *why);

/* Change */

/* Take weights (and momenta; those that are not given become 0; and averages;
 * those that are not given become the weights) by name; other
 * names are passed over. EINVAL names the first one that is missing or
 * misshapen; the net is then as it was. */
int net_import(struct net *net, const struct tensor *tensors, int count,
               struct reason *why);
/* Take the weights that `fill` gives, in torchvision's order; the others stay
 * as they are. Momenta become 0. */
int net_fill(struct net *net, tensor_fill *fill, void *context,
             struct reason *why);
/* Whether batches are normalised by the running statistics, which stay as they
 * are, from now on; at first they are not. */
void net_fix_statistics(struct net *net, bool fixed);
/* images: f32 [n, 3, S, S], RGB, 0 to 255 (normalised inside with ImageNet's
 * mean and deviation); labels [n]; smoothing of the labels 0 to 1; 1 <= n <=
 * batch. Cross-entropy, mean over n. A first batch of a new n allocates. */
int net_gradients(struct net *net, const float *images, const int *labels,
                  int n, float smoothing, struct reason *why);
/* The same for the head alone: the rest of the network is as in evaluation, and
 * net_update() will leave it as it is. */
int net_head_gradients(struct net *net, const float *images, const int *labels,
                       int n, float smoothing, struct reason *why);
/* EINVAL when there is no batch to commit. Where a channel had one single
 * element (n = 1, one pixel left) its running statistics stay. */
int net_update(struct net *net, const struct net_rule *rule,
               struct reason *why);
/* Evaluation mode (running statistics); probabilities f32 [n, classes]. A batch
 * that was not committed is abandoned. */
int net_predict(struct net *net, const float *images, int n,
                float *probabilities, struct reason *why);

#endif
