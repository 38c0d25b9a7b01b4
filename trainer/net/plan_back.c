/* Plans of training, the way back: a row takes the gradients of its result and
 * leaves those of what it read. These give their memory back as soon as they
 * are used. */
#include "trainer/net/plan_build.h"

static void leave(struct builder *b, int row, void *gradient)
{
    struct made *made = &b->made[row];

    made->gradient[made->gradients++] = gradient;
}

/* One of the row's gradients that no other row has yet to read, or NULL. */
static void *own_gradient(const struct builder *b, int row)
{
    const struct made *made = &b->made[row];

    for (int i = 0; i < made->gradients; i++)
        if (buffers_users(b->parts->buffers, made->gradient[i]) == 1)
            return made->gradient[i];
    return NULL;
}

static void give_gradients(struct builder *b, int row)
{
    for (int i = 0; i < b->made[row].gradients; i++)
        build_give(b, b->made[row].gradient[i]);
}

static void own_norm_back(const struct step *s)
{
    norm_backward(&s->back);
}

/* Where a result may go: over the row's own gradient, or new memory. Its
 * user is added to those that give_gradients() takes away. */
static void *result_over(struct builder *b, int row)
{
    void *over = own_gradient(b, row);

    if (!over)
        return build_take(b, dnn_layout_size(b->made[row].result.layout));
    buffers_share(b->parts->buffers, over);
    return over;
}

/* Back through relu, shortcut and norm; returns the convolution's part. */
static struct dnn_tensor backward_norm(struct builder *b, int row)
{
    const struct layer *l = build_layer(b, row);
    const struct weights *w = b->parts->weights;
    struct made *made = &b->made[row];
    size_t size = dnn_layout_size(made->result.layout);
    struct norm_back q = {
        .forward = &made->forward->norm,
        .d_out = made->gradient[0],
        .d_more = made->gradient[1],
        .d_gamma = weights_gradient(w, row, WEIGHT_GAMMA),
        .d_beta = weights_gradient(w, row, WEIGHT_BETA),
    };

    if (l->shortcut < 0) {
        q.d_x = result_over(b, row);
    } else {
        q.d_sum = result_over(b, row);
        q.d_x = build_take(b, size);
        leave(b, l->shortcut, q.d_sum);
    }
    give_gradients(b, row);
    *build_step(b) = (struct step){.own = own_norm_back, .back = q};
    return (struct dnn_tensor){made->result.layout, q.d_x};
}

static void own_kernel_gradient(const struct step *s)
{
    kernel_gradient(&s->kernel);
}

static void backward_own_kernel(struct builder *b, int row,
                                const struct dnn_conv *c, const void *d_x)
{
    struct kernel_gradient g = {
        .n = c->n,
        .in = c->in,
        .out = c->out,
        .side = c->side,
        .result_side = dnn_conv_side(c),
        .kernel = c->kernel,
        .stride = c->stride,
        .pad = c->pad,
        .block = dnn_block(b->parts->dnn),
        .bf16 = b->parts->bf16,
        .source = build_input(b, row).data,
        .d_result = d_x,
        .d_kernel = weights_gradient(b->parts->weights, row, WEIGHT_KERNEL),
    };

    if (g.bf16) {
        g.work = build_take(b, kernel_gradient_work(&g) * sizeof *g.work);
        build_give(b, g.work);
    }
    *build_step(b) = (struct step){.own = own_kernel_gradient, .kernel = g};
}

static void own_winograd_gradient(const struct step *s)
{
    winograd_gradient(&s->winograd_gradient);
}

static void backward_winograd_kernel(struct builder *b, int row,
                                     const struct dnn_conv *c, const void *d_x)
{
    struct winograd_gradient g = {
        .n = c->n,
        .in = c->in,
        .out = c->out,
        .side = c->side,
        .bf16 = b->parts->bf16,
        .source = build_input(b, row).data,
        .d_result = d_x,
        .d_kernel = weights_gradient(b->parts->weights, row, WEIGHT_KERNEL),
    };

    g.work = build_take(b, winograd_gradient_work(&g));
    build_give(b, g.work);
    *build_step(b) =
        (struct step){.own = own_winograd_gradient, .winograd_gradient = g};
}

static void backward_kernel(struct builder *b, int row, struct dnn_tensor d_x)
{
    struct dnn_conv c = build_conv(b, row);
    struct dnn_op *op = NULL;
    struct dnn_tensor d_kernel = {
        b->parts->kernels->row[row].layouts.master,
        weights_gradient(b->parts->weights, row, WEIGHT_KERNEL),
    };

    switch (b->parts->kernels->row[row].gradient) {
    case BY_WINOGRAD:
        backward_winograd_kernel(b, row, &c, d_x.data);
        return;
    case BY_LOOPS:
        backward_own_kernel(b, row, &c, d_x.data);
        return;
    case BY_ONEDNN:
        break;
    }
    build_op(b,
             dnn_conv_back_kernel(&op, b->parts->dnn, &c, build_input(b, row),
                                  d_kernel, d_x, b->why),
             &op);
}

static void backward_data(struct builder *b, int row, struct dnn_tensor d_x)
{
    int from = build_layer(b, row)->input;
    struct dnn_conv c = build_conv(b, row);
    struct dnn_op *op = NULL;
    struct dnn_tensor d_in = build_activation(b, from);

    if (b->rc)
        return;
    leave(b, from, d_in.data);
    if (build_by_winograd(b, row)) {
        const uint16_t *turned = build_winograd_kernel(b, row, true);
        struct dnn_conv back = c;
        back.in = c.out;
        back.out = c.in;
        build_winograd(b, &back,
                       (struct winograd){.source = d_x.data,
                                         .kernel = turned,
                                         .result = d_in.data});
        return;
    }
    struct dnn_tensor kernel =
        build_kernel(b, row, b->parts->kernels->row[row].layouts.back);
    build_op(
        b,
        dnn_conv_back_data(&op, b->parts->dnn, &c, d_in, kernel, d_x, b->why),
        &op);
}

static void backward_convolution(struct builder *b, int row)
{
    struct made *made = &b->made[row];
    struct dnn_tensor d_x = {made->result.layout, made->gradient[0]};

    if (build_pooling_of(b, row) < 0)
        d_x = backward_norm(b, row);
    if (!b->rc)
        backward_kernel(b, row, d_x);
    if (!b->rc && build_layer(b, row)->input >= 0) /* pictures want none */
        backward_data(b, row, d_x);
    build_give(b, d_x.data);
}

static void own_pool_back(const struct step *s)
{
    norm_pool_backward(&s->pool_back);
}

/* Leaves the row before the gradient of what was normalised. */
static void backward_pool(struct builder *b, int row)
{
    int from = build_layer(b, row)->input;
    const struct weights *w = b->parts->weights;
    struct made *made = &b->made[row];
    struct norm_pool_back q = {
        .forward = &made->forward->pool,
        .d_out = made->gradient[0],
        .d_more = made->gradient[1],
        .d_sum = result_over(b, row),
        .d_x = build_activation(b, from).data,
        .d_gamma = weights_gradient(w, from, WEIGHT_GAMMA),
        .d_beta = weights_gradient(w, from, WEIGHT_BETA),
    };

    give_gradients(b, row);
    build_give(b, q.d_sum);
    leave(b, from, q.d_x);
    *build_step(b) = (struct step){.own = own_pool_back, .pool_back = q};
}

static void backward_mean(struct builder *b, int row)
{
    struct dnn_tensor d_y = {b->made[row].result.layout,
                             b->made[row].gradient[0]};
    struct dnn_op *op = NULL;

    if (b->parts->bf16) {
        struct dnn_tensor from = build_features(b, row, d_y.data);
        d_y = build_activation(b, row);
        if (b->rc)
            return;
        build_op(b, dnn_copy(&op, b->parts->dnn, from, d_y, b->why), &op);
        build_give(b, from.data);
    }
    struct dnn_pooling p = build_pooling(b, row);
    struct dnn_tensor d_in = build_activation(b, build_layer(b, row)->input);
    if (b->rc)
        return;
    build_op(b, dnn_pool_back(&op, b->parts->dnn, &p, d_in, d_y, b->why), &op);
    leave(b, build_layer(b, row)->input, d_in.data);
    build_give(b, d_y.data);
}

static void backward_linear(struct builder *b, int row)
{
    const struct layer *l = build_layer(b, row);
    const struct weights *w = b->parts->weights;
    struct dnn *d = b->parts->dnn;
    struct dnn_op *op = NULL;
    struct dnn_head head = {
        .source = build_take(b, build_features_size(b, l->input)),
        .weight = weights_gradient(w, row, WEIGHT_KERNEL),
        .bias = weights_gradient(w, row, WEIGHT_BIAS),
        .result = b->plan->d_logits,
        .n = b->plan->n,
        .in = l->in,
        .out = b->parts->classes,
    };

    if (b->rc)
        return;
    build_op(
        b,
        dnn_head_back_weight(&op, d, &head, b->made[l->input].features, b->why),
        &op);
    build_op(b,
             dnn_head_back_data(&op, d, &head,
                                weights_value(w, row, WEIGHT_KERNEL), b->why),
             &op);
    leave(b, l->input, head.source);
}

static void (*const backward[])(struct builder *b, int row) = {
    [LAYER_CONVOLUTION] = backward_convolution,
    [LAYER_MAX_POOL] = backward_pool,
    [LAYER_MEAN_POOL] = backward_mean,
    [LAYER_LINEAR] = backward_linear,
};

void build_back(struct builder *b)
{
    for (int r = b->parts->network->layers - 1; !b->rc && r >= 0; r--)
        backward[build_layer(b, r)->kind](b, r);
}
