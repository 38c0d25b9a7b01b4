#include "weights.h"

#include "random.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_FLOATS = 16,            /* each weight begins on a cache line */
    STREAM_WEIGHTS = 0x77656967, /* of random.h; a = weight, b = output */
};

#define STATISTICS_MOMENTUM 0.1f /* PyTorch's default */
#define MOMENTUM_PREFIX     "momentum."
#define AVERAGE_PREFIX      "average."

/* Where each part's name and shape come from. */
static const struct part {
    bool norm; /* the name is the normalisation's */
    const char *suffix;
} parts[WEIGHT_PARTS] = {
    [WEIGHT_KERNEL] = {false, ".weight"},
    [WEIGHT_BIAS] = {false, ".bias"},
    [WEIGHT_GAMMA] = {true, ".weight"},
    [WEIGHT_BETA] = {true, ".bias"},
    [WEIGHT_MEAN] = {true, ".running_mean"},
    [WEIGHT_VARIANCE] = {true, ".running_var"},
};

static bool row_has(const struct layer *row, enum weight_part part)
{
    switch (part) {
    case WEIGHT_KERNEL:
        return row->kind == LAYER_CONVOLUTION || row->kind == LAYER_LINEAR;
    case WEIGHT_BIAS:
        return row->kind == LAYER_LINEAR;
    default:
        return row->norm != NULL;
    }
}

static bool is_statistic(const struct weight *x)
{
    return x->part == WEIGHT_MEAN || x->part == WEIGHT_VARIANCE;
}

static bool decays(const struct weight *x)
{
    return x->part == WEIGHT_KERNEL;
}

static float *arena(const struct weights *w, const struct weight *x)
{
    return (is_statistic(x) ? w->running : w->value) + x->at;
}

float *weights_value(const struct weights *w, int row, enum weight_part part)
{
    return arena(w, weight_of(w, row, part));
}

static float *averages(const struct weights *w, const struct weight *x)
{
    if (!w->average)
        return arena(w, x);
    return (is_statistic(x) ? w->average_running : w->average) + x->at;
}

float *weights_evaluated(const struct weights *w, int row,
                         enum weight_part part)
{
    return averages(w, weight_of(w, row, part));
}

float *weights_gradient(const struct weights *w, int row, enum weight_part part)
{
    const struct weight *x = weight_of(w, row, part);

    return (is_statistic(x) ? w->batch : w->gradient) + x->at;
}

/* The list */

static void weight_shape(struct weight *x, int classes)
{
    const struct layer *row = x->row;
    struct tensor *t = &x->shape;
    int out = row->out ? row->out : classes;

    snprintf(t->name, sizeof t->name, "%s%s",
             parts[x->part].norm ? row->norm : row->name,
             parts[x->part].suffix);
    t->rank = x->part != WEIGHT_KERNEL ? 1 : row->kernel ? 4 : 2;
    t->dim[0] = out;
    t->dim[1] = t->rank > 1 ? row->in : 1;
    t->dim[2] = t->dim[3] = t->rank > 2 ? row->kernel : 1;
}

static int list_fill(struct weights *w, struct dnn *dnn, int classes,
                     const struct dnn_layout *const kernels[],
                     struct reason *why)
{
    for (int r = 0; r < RESNET_LAYERS; r++) {
        for (enum weight_part p = 0; p < WEIGHT_PARTS; p++) {
            w->index[r][p] = -1;
            if (!row_has(&resnet_layers[r], p))
                continue;
            struct weight *x = &w->list[w->count];
            *x = (struct weight){.part = p, .row = &resnet_layers[r]};
            weight_shape(x, classes);
            x->plain = dnn_plain(dnn, DNN_F32, x->shape.rank, x->shape.dim);
            x->layout = x->shape.rank == 4 ? kernels[r] : x->plain;
            if (!x->plain || !x->layout)
                return refuse(why, ENOMEM, "out of memory for a layout");
            w->index[r][p] = w->count++;
        }
    }
    return 0;
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
        if (is_statistic(&w->list[i]))
            place(&w->list[i], &w->statistics);
        else if (decays(&w->list[i]))
            place(&w->list[i], &w->decayed);
    w->trained = w->decayed;
    for (int i = 0; i < w->count; i++)
        if (!is_statistic(&w->list[i]) && !decays(&w->list[i]))
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

int weights_open(struct weights *w, struct dnn *dnn, int classes,
                 const struct dnn_layout *const kernels[RESNET_LAYERS],
                 enum weights_use use, struct reason *why)
{
    int rc;

    *w = (struct weights){.dnn = dnn};
    w->list = calloc((size_t)RESNET_LAYERS * WEIGHT_PARTS, sizeof *w->list);
    if (!w->list)
        return refuse(why, ENOMEM, "out of memory for the weights");
    rc = list_fill(w, dnn, classes, kernels, why);
    if (!rc) {
        list_place(w);
        if (!arenas_alloc(w, use))
            rc = refuse(why, ENOMEM, "out of memory for the weights");
    }
    if (rc)
        weights_release(w);
    return rc;
}

void weights_release(struct weights *w)
{
    free(w->list);
    free(w->value);
    free(w->momentum);
    free(w->gradient);
    free(w->running);
    free(w->batch);
    free(w->average);
    free(w->average_running);
    *w = (struct weights){0};
}

/* The average of one state is that state. */
static void average_begin(struct weights *w)
{
    if (!w->average)
        return;
    memcpy(w->average, w->value, w->trained * sizeof(float));
    memcpy(w->average_running, w->running, w->statistics * sizeof(float));
}

/* Initialisation, as torchvision's resnet18() does it */

static void fill_constant(float *data, size_t count, float v)
{
    for (size_t i = 0; i < count; i++)
        data[i] = v;
}

/* A stream for each output: the same weights with any number of threads. */
static void fill_random(const struct weights *w, const struct weight *x,
                        uint64_t seed, float *data)
{
    int64_t outs = x->shape.dim[0];
    size_t each = tensor_count(&x->shape) / (size_t)outs;
    int area = x->row->kernel * x->row->kernel;
    float deviation = area ? sqrtf(2.0f / (float)(x->row->out * area)) : 0;
    float bound = 1.0f / sqrtf((float)x->row->in);

#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < outs; o++) {
        struct random r;
        random_open(&r, seed, (uint32_t)(x - w->list), (uint32_t)o,
                    STREAM_WEIGHTS);
        for (float *v = data + (size_t)o * each, *end = v + each; v < end; v++)
            *v = area ? deviation * random_normal(&r)
                      : random_uniform(&r, -bound, bound);
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
    case WEIGHT_VARIANCE:
        fill_constant(data, count, 1);
        break;
    default:
        fill_constant(data, count, 0);
    }
}

static size_t largest(const struct weights *w)
{
    size_t most = 0;

    for (int i = 0; i < w->count; i++)
        if (tensor_count(&w->list[i].shape) > most)
            most = tensor_count(&w->list[i].shape);
    return most;
}

int weights_initialise(struct weights *w, uint64_t seed, struct reason *why)
{
    float *plain = dnn_alloc(largest(w) * sizeof(float));
    int rc = 0;

    if (!plain)
        return refuse(why, ENOMEM, "out of memory for the weights");
    for (int i = 0; !rc && i < w->count; i++) {
        const struct weight *x = &w->list[i];
        fill(w, x, seed, plain);
        rc = dnn_reorder(w->dnn, (struct dnn_tensor){x->plain, plain},
                         (struct dnn_tensor){x->layout, arena(w, x)}, why);
    }
    free(plain);
    average_begin(w);
    return rc;
}

/* Export */

/* Room for `count` tensors of `floats` values in one allocation; *values is
 * where the values go. */
static struct tensor *tensors_alloc(int count, size_t floats, float **values)
{
    size_t head = ((size_t)count * sizeof(struct tensor) + 63) & ~(size_t)63;
    char *block = dnn_alloc(head + floats * sizeof(float));

    *values = (float *)(void *)(block + head);
    return (struct tensor *)(void *)block;
}

static int export_one(const struct weights *w, const struct weight *x,
                      const char *prefix, float *from, struct tensor *t,
                      float **values, struct reason *why)
{
    *t = x->shape;
    snprintf(t->name, sizeof t->name, "%s%s", prefix, x->shape.name);
    t->data = *values;
    *values += tensor_count(t);
    return dnn_reorder(w->dnn, (struct dnn_tensor){x->layout, from},
                       (struct dnn_tensor){x->plain, t->data}, why);
}

/* Which copy of the weights; NULL where a weight has none of it. */
typedef float *copy_of(const struct weights *w, const struct weight *x);

static float *momenta(const struct weights *w, const struct weight *x)
{
    return is_statistic(x) ? NULL : w->momentum + x->at;
}

static float *gradients(const struct weights *w, const struct weight *x)
{
    return is_statistic(x) ? NULL : w->gradient + x->at;
}

static size_t count_floats(const struct weights *w, copy_of *copy, int *count)
{
    size_t floats = 0;

    for (int i = 0; i < w->count; i++)
        if (copy(w, &w->list[i])) {
            floats += tensor_count(&w->list[i].shape);
            ++*count;
        }
    return floats;
}

static int export_copy(const struct weights *w, const char *prefix,
                       copy_of *copy, struct tensor **next, float **values,
                       struct reason *why)
{
    int rc = 0;

    for (int i = 0; !rc && i < w->count; i++) {
        const struct weight *x = &w->list[i];
        if (copy(w, x))
            rc = export_one(w, x, prefix, copy(w, x), (*next)++, values, why);
    }
    return rc;
}

/* Which copies to export, under which prefixes. */
struct copies {
    const char *prefix;
    copy_of *copy;
};

static int export_copies(const struct weights *w, const struct copies *copies,
                         int kinds, struct tensor **out, int *count,
                         struct reason *why)
{
    int n = 0, rc = 0;
    size_t floats = 0;
    float *values;

    for (int i = 0; i < kinds; i++)
        floats += count_floats(w, copies[i].copy, &n);
    struct tensor *all = tensors_alloc(n, floats, &values), *next = all;
    if (!all)
        return refuse(why, ENOMEM, "out of memory for a copy of the weights");
    for (int i = 0; !rc && i < kinds; i++)
        rc = export_copy(w, copies[i].prefix, copies[i].copy, &next, &values,
                         why);
    if (rc) {
        free(all);
        return rc;
    }
    *out = all;
    *count = n;
    return 0;
}

/* What is exported, with and without state; returns how many kinds. */
static int copies_wanted(const struct weights *w, bool state,
                         const struct copies **out)
{
    static const struct copies evaluated[] = {{"", averages}};
    static const struct copies all[] = {
        {"", arena}, {MOMENTUM_PREFIX, momenta}, {AVERAGE_PREFIX, averages}};

    if (!state || !w->momentum) {
        *out = evaluated;
        return 1;
    }
    *out = all;
    return w->average ? 3 : 2;
}

int weights_export(const struct weights *w, bool state, struct tensor **out,
                   int *count, struct reason *why)
{
    const struct copies *copies;
    int kinds = copies_wanted(w, state, &copies);

    return export_copies(w, copies, kinds, out, count, why);
}

int weights_count(const struct weights *w, bool state)
{
    const struct copies *copies;
    int kinds = copies_wanted(w, state, &copies), count = 0;

    for (int i = 0; i < kinds; i++)
        count_floats(w, copies[i].copy, &count);
    return count;
}

static int walk_copy(const struct weights *w, const struct copies *copies,
                     float *room, tensor_visit *visit, void *context,
                     struct reason *why)
{
    int rc = 0;

    for (int i = 0; !rc && i < w->count; i++) {
        float *from = copies->copy(w, &w->list[i]), *values = room;
        struct tensor t;
        if (!from)
            continue;
        rc = export_one(w, &w->list[i], copies->prefix, from, &t, &values, why);
        if (!rc)
            rc = visit(context, &t, why);
    }
    return rc;
}

int weights_walk(const struct weights *w, bool state, tensor_visit *visit,
                 void *context, struct reason *why)
{
    const struct copies *copies;
    int kinds = copies_wanted(w, state, &copies), rc = 0;
    float *room = dnn_alloc(largest(w) * sizeof(float));

    if (!room)
        return refuse(why, ENOMEM, "out of memory for a copy of a weight");
    for (int i = 0; !rc && i < kinds; i++)
        rc = walk_copy(w, &copies[i], room, visit, context, why);
    free(room);
    return rc;
}

int weights_export_gradients(const struct weights *w, struct tensor **out,
                             int *count, struct reason *why)
{
    static const struct copies all = {"", gradients};

    return export_copies(w, &all, 1, out, count, why);
}

/* Import */

static const struct tensor *find(const struct tensor *tensors, int count,
                                 const char *prefix, const char *name)
{
    size_t size = strlen(prefix);

    for (int i = 0; i < count; i++)
        if (!strncmp(tensors[i].name, prefix, size) &&
            !strcmp(tensors[i].name + size, name))
            return &tensors[i];
    return NULL;
}

static int check_shape(const struct tensor *want, const struct tensor *got,
                       struct reason *why)
{
    bool same = got->rank == want->rank;

    for (int i = 0; same && i < want->rank; i++)
        same = got->dim[i] == want->dim[i];
    if (same)
        return 0;
    return refuse(why, EINVAL,
                  "weight '%s' has another shape than this network's, "
                  "[%lld, %lld, %lld, %lld] would be accepted",
                  got->name, (long long)want->dim[0], (long long)want->dim[1],
                  (long long)want->dim[2], (long long)want->dim[3]);
}

static const char *const prefixes[] = {"", MOMENTUM_PREFIX, AVERAGE_PREFIX};
enum { PREFIXES = sizeof prefixes / sizeof *prefixes };

static int import_check(const struct weights *w, const struct tensor *tensors,
                        int count, struct reason *why)
{
    int rc = 0;

    for (int i = 0; i < w->count; i++) {
        const struct tensor *want = &w->list[i].shape;
        if (!find(tensors, count, "", want->name))
            return refuse(why, EINVAL, "weight '%s' is missing", want->name);
        for (int p = 0; !rc && p < PREFIXES; p++) {
            const struct tensor *t =
                find(tensors, count, prefixes[p], want->name);
            rc = t ? check_shape(want, t, why) : 0;
        }
        if (rc)
            return rc;
    }
    return 0;
}

/* Those of a prefix that are there. */
static int import_copy(struct weights *w, const char *prefix, copy_of *copy,
                       const struct tensor *tensors, int count,
                       struct reason *why)
{
    int rc = 0;

    for (int i = 0; !rc && i < w->count; i++) {
        const struct weight *x = &w->list[i];
        const struct tensor *t = find(tensors, count, prefix, x->shape.name);
        if (t && copy(w, x))
            rc = dnn_reorder(w->dnn, (struct dnn_tensor){x->plain, t->data},
                             (struct dnn_tensor){x->layout, copy(w, x)}, why);
    }
    return rc;
}

int weights_import(struct weights *w, const struct tensor *tensors, int count,
                   struct reason *why)
{
    int rc = import_check(w, tensors, count, why);

    if (!rc)
        rc = import_copy(w, "", arena, tensors, count, why);
    if (rc || !w->momentum)
        return rc;
    memset(w->momentum, 0, w->trained * sizeof(float));
    rc = import_copy(w, MOMENTUM_PREFIX, momenta, tensors, count, why);
    average_begin(w);
    if (!rc && w->average)
        rc = import_copy(w, AVERAGE_PREFIX, averages, tensors, count, why);
    return rc;
}

/* Training */

void weights_step(struct weights *w, const struct optimizer_rule *rule)
{
    struct optimizer_rule free_rule = *rule;
    size_t at = w->decayed;

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

static void follow(float *running, const float *batch, int count, float scale)
{
    for (int i = 0; i < count; i++)
        running[i] += STATISTICS_MOMENTUM * (scale * batch[i] - running[i]);
}

void weights_follow(struct weights *w, int row, int64_t count)
{
    int channels = resnet_layers[row].out;

    if (count < 2)
        return;
    follow(weights_value(w, row, WEIGHT_MEAN),
           weights_gradient(w, row, WEIGHT_MEAN), channels, 1);
    follow(weights_value(w, row, WEIGHT_VARIANCE),
           weights_gradient(w, row, WEIGHT_VARIANCE), channels,
           (float)((double)count / (double)(count - 1)));
}
