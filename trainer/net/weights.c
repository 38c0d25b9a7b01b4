#include "trainer/net/weights.h"

#include "trainer/basic/purposes.h"
#include "trainer/basic/random.h"
#include "trainer/net/layer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_FLOATS = 16 }; /* each weight begins on a cache line */

#define KERNEL_FACTOR_LEAST (1.0 / 64)
#define KERNEL_FACTOR_MOST  4.0

static bool decays(const struct weight *x)
{
    return x->part == WEIGHT_KERNEL;
}

/* The arena of such a copy of the weight; NULL = there is none. */
static float *arena(const struct weights *w, const struct weight *x,
                    enum weight_copy copy)
{
    bool statistic = weight_is_statistic(x);
    switch (copy) {
    case COPY_VALUE:
        return statistic ? w->running : w->value;
    case COPY_AVERAGE:
        return statistic ? w->average_running : w->average;
    case COPY_GRADIENT:
        return statistic ? w->batch : w->gradient;
    case COPY_MOMENTUM:
        return statistic ? NULL : w->momentum;
    }
    return NULL;
}

float *weights_copy(const struct weights *w, const struct weight *x,
                    enum weight_copy copy)
{
    float *from = arena(w, x, copy);
    return from ? from + x->at : NULL;
}

float *weights_value(const struct weights *w, int row, enum weight_part part)
{
    return weights_copy(w, weight_of(w, row, part), COPY_VALUE);
}

float *weights_evaluated(const struct weights *w, int row,
                         enum weight_part part)
{
    return weights_copy(w, weight_of(w, row, part),
                        w->average ? COPY_AVERAGE : COPY_VALUE);
}

float *weights_gradient(const struct weights *w, int row, enum weight_part part)
{
    return weights_copy(w, weight_of(w, row, part), COPY_GRADIENT);
}

/* The list */

static int list_add(struct weights *w, struct dnn *dnn, int row,
                    const struct weight_shape *shape, enum weight_part part,
                    const struct dnn_layout *kernel, struct reason *why)
{
    struct weight *x = &w->list[w->count];
    *x = (struct weight){.part = part, .row = &w->network->layer[row]};
    memcpy(x->shape.name, shape->name, sizeof x->shape.name);
    x->shape.rank = shape->rank;
    memcpy(x->shape.dim, shape->dim, sizeof x->shape.dim);
    x->plain = dnn_plain(dnn, DNN_F32, x->shape.rank, x->shape.dim);
    x->layout = kernel && part == WEIGHT_KERNEL ? kernel : x->plain;
    if (!x->plain || !x->layout)
        return refuse(why, ENOMEM, "out of memory for a layout");
    w->index[row][part] = w->count++;
    return 0;
}

static int list_fill(struct weights *w, struct dnn *dnn, int classes,
                     const struct dnn_layout *const kernels[],
                     struct reason *why)
{
    struct weight_shape shape;
    int err = 0;
    for (int r = 0; r < w->network->layers; r++)
        for (enum weight_part p = 0; p < WEIGHT_PARTS && !err; p++) {
            w->index[r][p] = -1;
            if (layer_weight(&w->network->layer[r], p, classes, &shape))
                err = list_add(w, dnn, r, &shape, p, kernels[r], why);
        }
    return err;
}

static void place(struct weight *x, size_t *end)
{
    size_t floats = dnn_layout_size(x->layout) / sizeof(float);
    x->at = *end;
    *end += (floats + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
}

static void list_place(struct weights *w)
{
    for (int i = 0; i < w->count; i++)
        if (weight_is_statistic(&w->list[i]))
            place(&w->list[i], &w->statistics);
        else if (decays(&w->list[i]))
            place(&w->list[i], &w->decayed);
    w->trained = w->decayed;
    for (int i = 0; i < w->count; i++)
        if (!weight_is_statistic(&w->list[i]) && !decays(&w->list[i]))
            place(&w->list[i], &w->trained);
}

/* Life cycle */

static bool averages_alloc(struct weights *w)
{
    w->average = dnn_alloc(w->trained * sizeof(float));
    w->average_running = dnn_alloc(w->statistics * sizeof(float));
    return w->average && w->average_running;
}

static bool arenas_alloc(struct weights *w, enum weights_use use)
{
    size_t trained = w->trained * sizeof(float);
    size_t statistics = w->statistics * sizeof(float);
    w->value = dnn_alloc(trained);
    w->running = dnn_alloc(statistics);
    if (!w->value || !w->running)
        return false;
    if (use == WEIGHTS_EVALUATED)
        return true;
    w->momentum = dnn_alloc(trained);
    w->gradient = dnn_alloc(trained);
    w->batch = dnn_alloc(statistics);
    if (!w->momentum || !w->gradient || !w->batch)
        return false;
    return use != WEIGHTS_AVERAGED || averages_alloc(w);
}

int net_weights_open(struct weights *w, struct dnn *dnn,
                     const struct network *network, int classes,
                     const struct dnn_layout *const kernels[],
                     enum weights_use use, struct reason *why)
{
    int err;
    *w = (struct weights){.dnn = dnn, .network = network};
    w->list = calloc((size_t)network->layers * WEIGHT_PARTS, sizeof *w->list);
    w->index = calloc((size_t)network->layers, sizeof *w->index);
    if (!w->list || !w->index) {
        net_weights_release(w);
        return refuse(why, ENOMEM, "out of memory for the weights");
    }
    err = list_fill(w, dnn, classes, kernels, why);
    if (!err) {
        list_place(w);
        if (!arenas_alloc(w, use))
            err = refuse(why, ENOMEM, "out of memory for the weights");
    }
    if (err)
        net_weights_release(w);
    return err;
}

void net_weights_release(struct weights *w)
{
    free(w->list);
    free(w->index);
    free(w->rates);
    free(w->value);
    free(w->momentum);
    free(w->gradient);
    free(w->running);
    free(w->batch);
    free(w->average);
    free(w->average_running);
    *w = (struct weights){0};
}

void weights_anew(struct weights *w)
{
    if (w->momentum)
        memset(w->momentum, 0, w->trained * sizeof(float));
    if (!w->average)
        return;
    memcpy(w->average, w->value, w->trained * sizeof(float));
    memcpy(w->average_running, w->running, w->statistics * sizeof(float));
}

/* Initialisation, as in torchvision except for the addend (struct net_options)
 */

static void fill_constant(float *data, size_t count, float v)
{
    for (size_t i = 0; i < count; i++)
        data[i] = v;
}

/* Each output has a random sequence of its own, so that the weights do not
 * depend on the number of threads. */
static void fill_random(const struct weights *w, const struct weight *x,
                        uint64_t seed, float *data)
{
    const struct layer_type *type = layer_type(x->row);
    int64_t outs = x->shape.dim[0];
    size_t each = tensor_count(&x->shape) / (size_t)outs;
#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < outs; o++) {
        struct random r;
        random_open(&r, seed, (uint32_t)(x - w->list), (uint32_t)o,
                    PURPOSE_WEIGHTS);
        type->start(x->row, x->part, &r, data + (size_t)o * each, each);
    }
}

static void fill(const struct weights *w, const struct weight *x, uint64_t seed,
                 float *data)
{
    size_t count = tensor_count(&x->shape);
    switch (x->part) {
    case WEIGHT_KERNEL:
    case WEIGHT_BIAS:
        fill_random(w, x, seed, data);
        break;
    case WEIGHT_GAMMA:
        fill_constant(data, count, x->row->shortcut ? w->addend : 1);
        break;
    case WEIGHT_VARIANCE:
        fill_constant(data, count, 1);
        break;
    default:
        fill_constant(data, count, 0);
    }
}

size_t weights_largest(const struct weights *w)
{
    size_t most = 0;
    for (int i = 0; i < w->count; i++)
        if (tensor_count(&w->list[i].shape) > most)
            most = tensor_count(&w->list[i].shape);
    return most;
}

int weights_initialise(struct weights *w, uint64_t seed, float addend,
                       struct reason *why)
{
    float *plain = dnn_alloc(weights_largest(w) * sizeof(float));
    int err = 0;
    if (!plain)
        return refuse(why, ENOMEM, "out of memory for the weights");
    w->addend = addend;
    for (int i = 0; !err && i < w->count; i++) {
        const struct weight *x = &w->list[i];
        fill(w, x, seed, plain);
        err = dnn_reorder(
            w->dnn, (struct dnn_tensor){x->plain, plain},
            (struct dnn_tensor){x->layout, weights_copy(w, x, COPY_VALUE)},
            why);
    }
    free(plain);
    weights_anew(w);
    return err;
}

/* Training */

void weights_clear_gradients(struct weights *w)
{
    if (w->gradient)
        memset(w->gradient, 0, w->trained * sizeof(float));
}

/* Behind a kernel comes a normalisation, so that only the kernel's direction
 * counts, and a step turns it by an angle that goes with the inverse square of
 * its norm. A fresh kernel has a square norm of 2 for each input (fan-out). */
static double kernel_factor(const struct weights *w, const struct weight *x)
{
    const float *value = weights_copy(w, x, COPY_VALUE);
    size_t count = dnn_layout_size(x->layout) / sizeof(float);
    double square = 0; /* the padding of a layout is 0 */
    for (size_t i = 0; i < count; i++)
        square += (double)value[i] * value[i];
    double factor = square / (2.0 * (double)x->shape.dim[1]);
    return fmin(fmax(factor, KERNEL_FACTOR_LEAST), KERNEL_FACTOR_MOST);
}

int weights_set_rates(struct weights *w, const float *factors,
                      struct reason *why)
{
    if (!w->rates)
        w->rates = malloc((size_t)w->count * sizeof *w->rates);
    if (!w->rates)
        return refuse(why, ENOMEM, "out of memory for the rates");
    for (int i = 0; i < w->count; i++) {
        const struct weight *x = &w->list[i];
        w->rates[i] = factors[x->row - w->network->layer];
        if (x->part == WEIGHT_KERNEL && x->row->norm)
            w->rates[i] *= (float)kernel_factor(w, x);
    }
    return 0;
}

/* The step of one weight, at its own rate. */
static void weight_step(struct weights *w, const struct weight *x,
                        const struct optimizer_rule *rule)
{
    struct optimizer_rule own = *rule;
    own.learning_rate *= w->rates[x - w->list];
    if (!decays(x))
        own.weight_decay = 0;
    if (!weight_is_statistic(x))
        optimizer_step(&own, w->value + x->at, w->momentum + x->at,
                       w->gradient + x->at,
                       dnn_layout_size(x->layout) / sizeof(float));
}

void weights_step(struct weights *w, const struct optimizer_rule *rule)
{
    struct optimizer_rule free_rule = *rule;
    size_t at = w->decayed;
    for (int i = 0; w->rates && i < w->count; i++)
        weight_step(w, &w->list[i], rule);
    if (w->rates)
        return;
    free_rule.weight_decay = 0;
    optimizer_step(rule, w->value, w->momentum, w->gradient, at);
    optimizer_step(&free_rule, w->value + at, w->momentum + at,
                   w->gradient + at, w->trained - at);
}

void weights_average(struct weights *w, float share)
{
    optimizer_average(w->average, w->value, w->trained, share);
    optimizer_average(w->average_running, w->running, w->statistics, share);
}

static void follow(float *running, const float *batch, const struct layer *l,
                   float scale)
{
    for (int i = 0; i < l->out; i++)
        running[i] += l->momentum * (scale * batch[i] - running[i]);
}

void weights_give_statistics(const struct weights *w)
{
    for (int row = 0; row < w->network->layers; row++)
        for (int i = WEIGHT_MEAN; i <= WEIGHT_VARIANCE; i++)
            if (w->network->layer[row].norm)
                memcpy(weights_gradient(w, row, i), weights_value(w, row, i),
                       (size_t)w->network->layer[row].out * sizeof(float));
}

void weights_follow(struct weights *w, int row, int64_t count)
{
    const struct layer *l = &w->network->layer[row];
    if (count < 2)
        return;
    follow(weights_value(w, row, WEIGHT_MEAN),
           weights_gradient(w, row, WEIGHT_MEAN), l, 1);
    follow(weights_value(w, row, WEIGHT_VARIANCE),
           weights_gradient(w, row, WEIGHT_VARIANCE), l,
           (float)((double)count / (double)(count - 1)));
}
