#include "trainer/net/net.h"

#include "trainer/net/layer.h"
#include "trainer/net/loss.h"
#include "trainer/net/plan.h"
#include "trainer/net/statistics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE_SIZE_MIN = 32 };

struct net {
    struct net_options options;
    struct dnn *dnn;
    struct weights weights;
    struct kernels kernels;
    struct buffers buffers;
    struct plan *plans; /* one for each n and purpose that was asked for */
    bool fresh_folds;   /* the folds were made from the present weights */
    bool folded;        /* the folds have overwritten gradients */
    int pending;        /* pictures of the batch to commit; 0 = there is none */
    bool fixed;         /* batches are normalised by the running statistics */
    struct statistics measured;
    float loss;
};

/* Plans */

static struct plan_parts parts_of(struct net *net)
{
    return (struct plan_parts){
        .dnn = net->dnn,
        .network = net->options.network,
        .weights = &net->weights,
        .kernels = &net->kernels,
        .buffers = &net->buffers,
        .classes = net->options.classes,
        .image_size = net->options.image_size,
        .bf16 = net->options.bf16,
        .fixed_statistics = &net->fixed,
        .join = net->options.join,
    };
}

static int plan_get(struct net *net, int n, bool training, struct plan **out,
                    struct reason *why)
{
    struct plan_parts parts = parts_of(net);
    for (*out = net->plans; *out; *out = (*out)->next)
        if ((*out)->n == n && (*out)->training == training)
            return 0;
    int err = plan_open(out, &parts, n, training, why);
    if (err)
        return err;
    (*out)->next = net->plans;
    net->plans = *out;
    return 0;
}

/* Life cycle */

static int check_options(const struct net_options *o, struct reason *why)
{
    if (o->classes < 2)
        return refuse(why, EINVAL, "a network needs at least 2 classes, got %d",
                      o->classes);
    if (o->image_size < IMAGE_SIZE_MIN)
        return refuse(why, EINVAL,
                      "image_size must be at least %d pixels, got %d",
                      IMAGE_SIZE_MIN, o->image_size);
    if (o->batch < 1)
        return refuse(why, EINVAL, "batch_size must be at least 1, got %d",
                      o->batch);
    return 0;
}

static int open_weights(struct net *net, uint64_t seed, struct reason *why)
{
    const struct net_options *o = &net->options;
    enum weights_use use = o->average    ? WEIGHTS_AVERAGED
                           : o->training ? WEIGHTS_TRAINED
                                         : WEIGHTS_EVALUATED;
    int layers = o->network->layers;
    const struct dnn_layout **masters = calloc((size_t)layers, sizeof *masters);
    if (!masters)
        return refuse(why, ENOMEM, "out of memory for the weights");
    int err = kernels_choose(&net->kernels, net->dnn, o->network, o->batch,
                             o->image_size, o->training, why);
    for (int r = 0; !err && r < layers; r++)
        masters[r] = net->kernels.row[r].layouts.master;
    if (!err)
        err = net_weights_open(&net->weights, net->dnn, o->network, o->classes,
                               masters, use, why);
    free(masters);
    if (!err && !o->blank)
        err = weights_initialise(&net->weights, seed, o->addend, why);
    if (!err)
        err = kernels_open(&net->kernels, &net->weights, why);
    return err;
}

/* Opens the plans of a full batch first, so that smaller batches find all the
 * memory they need among their buffers. */
static int open_plans(struct net *net, struct reason *why)
{
    struct plan *p;
    int err = 0;
    if (net->options.training)
        err = plan_get(net, net->options.batch, true, &p, why);
    if (!err)
        err = plan_get(net, net->options.batch, false, &p, why);
    return err;
}

int net_open(struct net **out, const struct net_options *options, uint64_t seed,
             struct reason *why)
{
    int err = check_options(options, why);
    if (err)
        return err;
    struct net *net = calloc(1, sizeof *net);
    if (!net)
        return refuse(why, ENOMEM, "out of memory for the network");
    net->options = *options;
    if (!net->options.network)
        net->options.network = networks[0];
    err = dnn_open(&net->dnn, options->bf16 ? DNN_BF16 : DNN_F32, why);
    if (!err)
        err = open_weights(net, seed, why);
    if (!err)
        err = open_plans(net, why);
    if (err)
        net_free(net);
    else
        *out = net;
    return err;
}

void net_free(struct net *net)
{
    if (!net)
        return;
    for (struct plan *p = net->plans, *next; p; p = next) {
        next = p->next;
        plan_free(p);
    }
    statistics_release(&net->measured);
    buffers_release(&net->buffers);
    kernels_release(&net->kernels);
    net_weights_release(&net->weights);
    dnn_free(net->dnn);
    free(net);
}

bool net_bf16_fast(void)
{
    return dnn_bf16_fast();
}

/* Read */

int net_export(const struct net *net, bool state, struct tensor **out,
               int *count, struct reason *why)
{
    return weights_export(&net->weights, state, out, count, why);
}

int net_walk(const struct net *net, bool state, tensor_visit *visit,
             void *context, struct reason *why)
{
    return weights_walk(&net->weights, state, visit, context, why);
}

int net_tensors(const struct net *net, bool state)
{
    return weights_count(&net->weights, state);
}

int net_check(const struct net *net, const struct tensor *tensors, int count,
              struct reason *why)
{
    return net_weights_check(&net->weights, tensors, count, why);
}

float net_loss(const struct net *net)
{
    return net->loss;
}

int net_export_gradients(const struct net *net, struct tensor **out, int *count,
                         struct reason *why)
{
    if (!net->options.training)
        return refuse(why, EINVAL, "a network for evaluation has no gradients");
    if (net->folded)
        return refuse(why, EINVAL,
                      "the gradients are gone after an evaluation");
    return weights_export_gradients(&net->weights, out, count, why);
}

/* Change */

static void changed(struct net *net)
{
    net->fresh_folds = false;
    net->pending = 0;
}

int net_import(struct net *net, const struct tensor *tensors, int count,
               struct reason *why)
{
    int err = weights_import(&net->weights, tensors, count, why);
    if (err != -EINVAL)
        changed(net);
    return err;
}

int net_fill(struct net *net, tensor_fill *fill, void *context,
             struct reason *why)
{
    changed(net);
    return weights_fill(&net->weights, fill, context, why);
}

/* Subtracts ImageNet's mean from each channel and divides by its deviation. */
static void normalise(const struct net *net, const float *images, int n,
                      float *to)
{
    size_t area = (size_t)net->options.image_size * net->options.image_size;
#pragma omp parallel for schedule(static)
    for (int p = 0; p < 3 * n; p++) {
        float mean = network_mean[p % 3], scale = 1 / network_deviation[p % 3];
        const float *from = images + (size_t)p * area;
        float *plane = to + (size_t)p * area;
#pragma omp simd
        for (size_t i = 0; i < area; i++)
            plane[i] = (from[i] - mean) * scale;
    }
}

static int check_batch(const struct net *net, const int *labels, int n,
                       struct reason *why)
{
    if (n < 1 || n > net->options.batch)
        return refuse(why, EINVAL, "a batch has 1 to %d pictures, got %d",
                      net->options.batch, n);
    for (int i = 0; labels && i < n; i++)
        if (labels[i] < 0 || labels[i] >= net->options.classes)
            return refuse(why, EINVAL, "a label is 0 to %d, got %d",
                          net->options.classes - 1, labels[i]);
    return 0;
}

/* Clears what folded kernels have left in the gradients: the padding of a
 * layout is never written by a batch, and must be 0. */
static void unfold(struct net *net)
{
    if (net->folded)
        weights_clear_gradients(&net->weights);
    net->folded = net->fresh_folds = false;
}

/* Makes the gradients of the loss of this node's part those of the batch's. */
static void share_take(const struct net *net, const struct plan *p)
{
    const struct norm_join *join = net->options.join;
    for (int i = 0; join && join->nodes > 1 && i < p->n * net->options.classes;
         i++)
        p->d_logits[i] *= join->share;
}

static void tell_computed(const struct net *net, size_t first, size_t last)
{
    const struct net_listener *to = net->options.listener;
    if (to && first < last)
        to->computed(to->context, first, last);
}

static int back(const struct net *net, const struct plan *p, struct reason *why)
{
    const struct weights *w = &net->weights;
    size_t last = w->decayed;
    int step = p->middle, err = 0;
    for (int i = 0; i < p->marks && !err; i++) {
        const struct plan_mark *m = &p->mark[i];
        err = plan_run(p, net->dnn, step, m->step, why);
        if (!err)
            tell_computed(net, m->first, last);
        step = m->step;
        last = m->first;
    }
    if (!err)
        err = plan_run(p, net->dnn, step, p->count, why);
    if (!err)
        tell_computed(net, 0, last);
    if (!err)
        tell_computed(net, w->decayed, w->trained);
    return err;
}

static int there_and_back(struct net *net, struct plan *p, const int *labels,
                          float smoothing, struct reason *why)
{
    int err = plan_run(p, net->dnn, 0, p->middle, why);
    if (err)
        return err;
    const struct loss loss = {net->options.classes, smoothing,
                              net->options.class_weights};
    net->loss = loss_gradient(&loss, p->logits, labels, p->n, p->d_logits);
    share_take(net, p);
    return back(net, p, why);
}

void net_fix_statistics(struct net *net, bool fixed)
{
    net->fixed = fixed;
}

/* Begins a batch, and abandons one that was not committed. */
static int gradients_begin(struct net *net, const int *labels, int n,
                           struct reason *why)
{
    if (!net->options.training)
        return refuse(why, EINVAL, "a network for evaluation has no gradients");
    int err = check_batch(net, labels, n, why);
    if (err)
        return err;
    net->pending = 0;
    return 0;
}

int net_gradients(struct net *net, const float *images, const int *labels,
                  int n, float smoothing, struct reason *why)
{
    struct plan *p;
    int err = gradients_begin(net, labels, n, why);
    if (!err)
        err = plan_get(net, n, true, &p, why);
    if (err)
        return err;
    unfold(net);
    if (net->fixed)
        weights_give_statistics(&net->weights);
    normalise(net, images, n, p->image);
    err = there_and_back(net, p, labels, smoothing, why);
    if (!err)
        net->pending = n;
    return err;
}

struct net_arena net_arena(const struct net *net)
{
    const struct weights *w = &net->weights;
    return (struct net_arena){w->gradient, w->value, w->trained};
}

void net_complete(struct net *net, int total, float loss)
{
    net->pending = total;
    net->loss = loss;
}

int net_measure(struct net *net, const float *images, int n, struct reason *why)
{
    struct plan *p;
    int err = gradients_begin(net, NULL, n, why);
    if (!err && !net->measured.base)
        err = statistics_begin(&net->measured, &net->weights, why);
    if (!err)
        err = plan_get(net, n, true, &p, why);
    if (err)
        return err;
    bool fixed = net->fixed;
    unfold(net);
    normalise(net, images, n, p->image);
    net->fixed = false;
    err = plan_run(p, net->dnn, 0, p->middle, why);
    net->fixed = fixed;
    if (!err)
        statistics_add(&net->measured, &net->weights, n);
    return err;
}

int net_blend_statistics(struct net *net, double share, struct reason *why)
{
    if (!net->measured.count)
        return refuse(why, EINVAL, "no pictures were measured");
    statistics_blend(&net->measured, &net->weights, share);
    weights_anew(&net->weights);
    changed(net);
    return 0;
}

int net_set_rates(struct net *net, const float *factors, struct reason *why)
{
    return weights_set_rates(&net->weights, factors, why);
}

static int fold(struct net *net, struct reason *why)
{
    if (net->fresh_folds)
        return 0;
    net->pending = 0;
    net->folded = true;
    int err = kernels_fold(&net->kernels, why);
    net->fresh_folds = !err;
    return err;
}

/* Evaluation */

/* Runs the plan of evaluation on n pictures, which leaves features and logits
 * in *p. */
static int infer(struct net *net, const float *images, int n, struct plan **p,
                 struct reason *why)
{
    int err = plan_get(net, n, false, p, why);
    if (!err)
        err = fold(net, why);
    if (err)
        return err;
    normalise(net, images, n, (*p)->image);
    return plan_run(*p, net->dnn, 0, (*p)->count, why);
}

int net_update(struct net *net, const struct net_rule *rule, struct reason *why)
{
    if (!net->pending)
        return refuse(why, EINVAL, "there are no gradients to update with");
    weights_step(&net->weights, &rule->step);
    const struct network *shape = net->options.network;
    for (int row = 0; !net->fixed && row < shape->layers; row++) {
        int64_t side = network_side(shape, row, net->options.image_size);
        if (shape->layer[row].norm)
            weights_follow(&net->weights, row, net->pending * side * side);
    }
    if (net->options.average && rule->average > 0)
        weights_average(&net->weights, rule->average);
    changed(net);
    return 0;
}

int net_predict(struct net *net, const float *images, int n,
                float *probabilities, struct reason *why)
{
    struct plan *p;
    int err = check_batch(net, NULL, n, why);
    if (!err)
        err = infer(net, images, n, &p, why);
    if (!err)
        loss_softmax(p->logits, n, net->options.classes, probabilities);
    return err;
}

int net_see(struct net *net, const float *images, int n, float *features,
            struct reason *why)
{
    struct plan *p;
    int err = check_batch(net, NULL, n, why);
    if (!err)
        err = infer(net, images, n, &p, why);
    if (!err)
        memcpy(features, p->features,
               (size_t)n * (size_t)net_features(net) * sizeof *features);
    return err;
}

int net_features(const struct net *net)
{
    const struct network *shape = net->options.network;
    return shape->layer[network_head(shape)].in;
}

const struct network *net_network(const struct net *net)
{
    return net->options.network;
}
