#include "trainer/net/plan_build.h"

#include <errno.h>
#include <omp.h>
#include <stdlib.h>

void *build_take(struct builder *b, size_t size)
{
    void *data = b->rc ? NULL : buffers_take(b->parts->buffers, size);

    if (!b->rc && !data)
        b->rc = refuse(b->why, ENOMEM,
                       "out of memory for %d pictures of %d pixels a side",
                       b->plan->n, b->parts->image_size);
    return data;
}

void build_give(struct builder *b, const void *data)
{
    if (!b->rc)
        buffers_give(b->parts->buffers, data);
}

struct dnn_tensor build_tensor(struct builder *b, const struct dnn_layout *l)
{
    if (!l && !b->rc)
        b->rc = refuse(b->why, ENOMEM, "out of memory for a layout");
    if (b->rc)
        return (struct dnn_tensor){0};
    return (struct dnn_tensor){l, build_take(b, dnn_layout_size(l))};
}

struct dnn_tensor build_activation(struct builder *b, int row)
{
    return build_tensor(b, dnn_activation(b->parts->dnn, b->plan->n,
                                          build_layer(b, row)->out,
                                          build_side(b, row)));
}

struct dnn_tensor build_input(struct builder *b, int row)
{
    int from = build_layer(b, row)->input;

    return from < 0 ? b->image : b->made[from].result;
}

size_t build_features_size(const struct builder *b, int row)
{
    return (size_t)b->plan->n * build_layer(b, row)->out * sizeof(float);
}

struct dnn_tensor build_features(struct builder *b, int row, float *data)
{
    int64_t dim[] = {b->plan->n, build_layer(b, row)->out, 1, 1};

    return (struct dnn_tensor){dnn_plain(b->parts->dnn, DNN_F32, 4, dim), data};
}

struct step *build_step(struct builder *b)
{
    if (b->plan->count == STEPS_MAX)
        abort(); /* the table has outgrown the constant */
    return &b->plan->step[b->plan->count++];
}

void build_op(struct builder *b, int rc, struct dnn_op **op)
{
    if (rc && !b->rc)
        b->rc = rc;
    if (!rc)
        build_step(b)->op = *op;
}

static void own_winograd(const struct step *s)
{
    winograd(&s->winograd);
}

void build_winograd(struct builder *b, const struct dnn_conv *c,
                    struct winograd w)
{
    w.n = c->n;
    w.in = c->in;
    w.out = c->out;
    w.side = c->side;
    w.threads = omp_get_max_threads();
    w.work = build_take(b, winograd_work(&w));
    build_give(b, w.work);
    *build_step(b) = (struct step){.own = own_winograd, .winograd = w};
}

struct dnn_pooling build_pooling(const struct builder *b, int row)
{
    const struct layer *l = build_layer(b, row);
    int side = build_side(b, l->input);
    bool most = l->kind == LAYER_MAX_POOL;

    return (struct dnn_pooling){.kind = most ? DNN_POOL_MAX : DNN_POOL_MEAN,
                                .side = side,
                                .kernel = most ? l->kernel : side,
                                .stride = most ? l->stride : 1,
                                .pad = l->padding,
                                .n = b->plan->n,
                                .channels = l->out};
}

struct dnn_tensor build_kernel(struct builder *b, int row,
                               const struct dnn_layout *layout)
{
    const struct kernels *k = b->parts->kernels;
    struct dnn_tensor master = {
        k->row[row].layouts.master,
        weights_value(b->parts->weights, row, WEIGHT_KERNEL),
    };
    struct dnn_tensor form = {layout, k->form};
    struct dnn_op *op = NULL;

    if (b->rc || dnn_layout_same(layout, master.layout))
        return master;
    build_op(b, dnn_copy(&op, b->parts->dnn, master, form, b->why), &op);
    return form;
}

static void own_form(const struct step *s)
{
    winograd_kernel(&s->form);
}

const uint16_t *build_winograd_kernel(struct builder *b, int row, bool back)
{
    const struct layer *l = build_layer(b, row);
    const struct winograd_kernel form = {
        .in = l->in,
        .out = l->out,
        .master = weights_value(b->parts->weights, row, WEIGHT_KERNEL),
        .back = back,
        .to = b->parts->kernels->form};

    *build_step(b) = (struct step){.own = own_form, .form = form};
    return form.to;
}

bool build_by_winograd(const struct builder *b, int row)
{
    return b->parts->kernels->row[row].winograd;
}

int build_pooling_of(const struct builder *b, int row)
{
    const struct layer *next = build_layer(b, row + 1);

    return next->kind == LAYER_MAX_POOL && next->input == row ? row + 1 : -1;
}
