/*
 * The network: one of the rows of network.h, computed by oneDNN and by loops of
 * our own.
 *
 * A struct net holds the weights (f32 masters), their momenta, the running
 * statistics of batch normalisation, and all memory for a batch size, an image
 * size and a precision. An update has two steps, so that a training can be
 * stopped at any moment and repeated bit for bit:
 *   net_gradients()  forward and backward of one batch; changes no weight, no
 *                    momentum, no running statistic; may be abandoned
 *   net_update()     commits the batch: optimiser and running statistics
 * The functions of one net are called from one thread at a time, except that
 * net_export() and net_walk() may run in parallel to net_gradients() and
 * net_predict(), but not to a change of the weights. All use OpenMP, with the
 * number of threads that was set when net_open() was called. The same input
 * with the same number of threads gives the same bits, also after net_export()
 * and net_import().
 */
#ifndef PRIMO_NET_H
#define PRIMO_NET_H

#include "core/basic/reason.h"
#include "core/network/network.h"
#include "trainer/basic/tensor.h"
#include "trainer/loops/norm.h"
#include "trainer/net/optimizer.h"

#include <stdbool.h>
#include <stddef.h>

struct net;

/* Who is told which gradients are computed while net_gradients() goes on. */
struct net_listener {
    /* The gradients first..last-1 of the arena (struct net_arena) will neither
     * be read nor be changed before net_update(). Each gradient is told of
     * once, those of kernels from the last to the first, and then all others.
     * Called by the thread that calls net_gradients(). */
    void (*computed)(void *context, size_t first, size_t last);
    void *context;
};

struct net_options {
    const struct network *network; /* NULL = the smallest one */
    int classes;                   /* 2.. */
    int image_size;                /* side in pixels, 32.. */
    int batch;                     /* largest batch of a call, 1.. */
    bool bf16;                     /* bf16 arithmetic, f32 masters */
    bool training; /* false = evaluation only, without memory for gradients */
    bool blank; /* net_import() will set all weights, so that none is drawn */
    const float *class_weights; /* [classes], for the loss (loss.h); NULL = all
                                   are 1; must outlive the net */
    float addend; /* initial scale of the branch that a block adds last:
                     recipe.h */
    /* How net_gradients() normalises where other nodes have parts of the batch,
     * too; its gradients are then this node's share of the batch's. NULL =
     * never so; else it must outlive the net. */
    const struct norm_join *join;
    const struct net_listener *listener; /* NULL = nobody; else it must outlive
                                            the net */
    bool average; /* evaluate and export an average of the weights over the
                     updates; only with `training` */
};

/* What net_update() does. */
struct net_rule {
    /* Weight decay applies to kernels and the head's weight, but not to biases
     * and normalisation. */
    struct optimizer_rule step;
    float average; /* share of the new weights in the average; 0 = skip it */
};

/* What a node has in arenas whose arrangement is the same on processors of the
 * same kind. */
struct net_arena {
    float *gradient;    /* [size]; may be changed before net_update() */
    const float *value; /* [size]: the weights */
    size_t size;
};

/* Life cycle */

/* Build a network with random initial weights, which depend only on `seed`:
 * kernels as in torchvision (He's normal distribution by fan-out), scales as
 * recipe.h says. ENOMEM; EINVAL; ENOTSUP: bf16 needs AVX-512. */
int net_open(struct net **out, const struct net_options *options, uint64_t seed,
             struct reason *why);
void net_free(struct net *net); /* NULL is fine */

/* Read */

/* Whether the processor computes with bf16 in hardware. */
bool net_bf16_fast(void);

/* Copy the weights and running statistics, in torchvision's order and with its
 * names (without .num_batches_tracked): their average if there is one. With
 * `state`, copy the weights themselves instead, and then the momenta as
 * "momentum.NAME" and the average as "average.NAME". *out is one allocation, to
 * be released with free(). */
int net_export(const struct net *net, bool state, struct tensor **out,
               int *count, struct reason *why);
/* Hand the same tensors to a visitor, one after the other, without a copy of
 * them all. net_tensors() is their number. */
int net_walk(const struct net *net, bool state, tensor_visit *visit,
             void *context, struct reason *why);
int net_tensors(const struct net *net, bool state);
/* The mean loss of the last batch of net_gradients(); not finite after
 * divergence. */
float net_loss(const struct net *net);
/* Copy the gradients of the last batch, named like the weights. EINVAL: they
 * are gone, after net_predict(). */
int net_export_gradients(const struct net *net, struct tensor **out, int *count,
                         struct reason *why);

/* Whether net_import() would take these tensors, of which the data are not
 * looked at. */
int net_check(const struct net *net, const struct tensor *tensors, int count,
              struct reason *why);

/* Change */

/* Take weights, momenta and averages by name; other names are ignored. Momenta
 * that are not given become 0, and averages become the weights. EINVAL: a
 * weight is missing, or a tensor has the wrong shape; the net is then as it
 * was. */
int net_import(struct net *net, const struct tensor *tensors, int count,
               struct reason *why);
/* Ask `fill` for each weight, in torchvision's order; weights that it does not
 * have stay as they are. Momenta become 0. */
int net_fill(struct net *net, tensor_fill *fill, void *context,
             struct reason *why);
/* Set whether training batches are normalised by the running statistics, which
 * then do not change. At first they are not. */
void net_fix_statistics(struct net *net, bool fixed);
/* Take n pictures forward and add the statistics of their normalisation to
 * those measured so far; then blend, as statistics_blend() does, what was
 * measured with the statistics that the network had before: they become the
 * running ones, also those that are evaluated. EINVAL: nothing was measured. */
int net_measure(struct net *net, const float *images, int n,
                struct reason *why);
int net_blend_statistics(struct net *net, double share, struct reason *why);
/* Set how fast the rows of the network learn: [layers] factors of the rate in
 * net_update(). At first they are 1. The kernels of convolutions get a further
 * one, from the weights as they now are: the size of an update, relative to the
 * kernel's own, becomes that of a fresh network, whatever the kernel's norm. */
int net_set_rates(struct net *net, const float *factors, struct reason *why);
/* Compute the gradients of the mean cross-entropy of a batch. images: f32
 * [n, 3, S, S], RGB, 0 to 255, which are normalised in here; labels [n];
 * smoothing of the labels, 0 to 1; 1 <= n <= batch. The first batch of a new n
 * allocates memory. */
int net_gradients(struct net *net, const float *images, const int *labels,
                  int n, float smoothing, struct reason *why);
struct net_arena net_arena(const struct net *net);
/* Say that the batch is one of `total` pictures of which other nodes had the
 * rest, and that the gradients have been added up; `loss` is its mean. */
void net_complete(struct net *net, int total, float loss);
/* Commit the batch. EINVAL: there is none. Where a channel had a single element
 * (n = 1 and one pixel), its running statistics stay as they are. */
int net_update(struct net *net, const struct net_rule *rule,
               struct reason *why);
/* Evaluate n images, normalised by the running statistics; probabilities f32
 * [n, classes]. A batch that was not committed is abandoned. */
int net_predict(struct net *net, const float *images, int n,
                float *probabilities, struct reason *why);
/* The same, but write what the head sees of the pictures: f32 [n,
 * net_features()]. */
int net_see(struct net *net, const float *images, int n, float *features,
            struct reason *why);
int net_features(const struct net *net);
const struct network *net_network(const struct net *net);

#endif
