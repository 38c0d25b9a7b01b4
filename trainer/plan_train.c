/* Plans of training: forward through the rows, then back through them. What
 * the way back reads (inputs, results of convolutions, outputs) keeps its
 * memory; gradients give theirs back as soon as they are used. */
#include "plan_build.h"

/* The row's kernel in a layout, until the next one is asked for. */
static struct dnn_tensor kernel_in(struct builder *b, int row,
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

/* As kernel_in(), in the form of winograd.h. */
static const uint16_t *winograd_in(struct builder *b, int row, bool back)
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

static bool by_winograd(const struct builder *b, int row)
{
    return b->parts->kernels->row[row].winograd;
}

/* Forward */

static void own_norm(const struct step *s)
{
    norm_forward(&s->norm);
}

/* relu?(norm(x) + shortcut?), but for its result. */
static struct norm norm_of(struct builder *b, int row, const void *x)
{
    const struct layer *l = build_layer(b, row);
    const struct weights *w = b->parts->weights;
    int side = build_side(b, row);
    int block = dnn_block(b->parts->dnn);
    struct norm q = {
        .n = b->plan->n,
        .channels = l->out,
        .rows = side * side,
        .block = block ? block : l->out,
        .bf16 = b->parts->bf16,
        .relu = l->relu,
        .x = x,
        .add = l->shortcut < 0 ? NULL : b->made[l->shortcut].result.data,
        .gamma = weights_value(w, row, WEIGHT_GAMMA),
        .beta = weights_value(w, row, WEIGHT_BETA),
        .mean = weights_gradient(w, row, WEIGHT_MEAN),
        .variance = weights_gradient(w, row, WEIGHT_VARIANCE),
        .fixed = b->parts->fixed_statistics,
    };

    q.work = build_take(b, norm_work(q.n, q.channels, q.rows, q.block) *
                               sizeof(float));
    return q;
}

/* The row whose maximum pooling is the only reader of this one, or -1: then
 * the pooling's steps do what is left to do of both. */
static int pooling_of(const struct builder *b, int row)
{
    const struct layer *next = build_layer(b, row + 1);

    return next->kind == LAYER_MAX_POOL && next->input == row ? row + 1 : -1;
}

static void forward_norm(struct builder *b, int row, const void *x)
{
    struct norm q = norm_of(b, row, x);
    struct step *s = build_step(b);

    q.y = b->made[row].result.data;
    *s = (struct step){.own = own_norm, .norm = q};
    b->made[row].forward = s;
}

static void forward_product(struct builder *b, int row, struct dnn_tensor x)
{
    struct dnn_conv c = build_conv(b, row);
    struct dnn_tensor in = build_input(b, row);
    struct dnn_op *op = NULL;

    if (by_winograd(b, row)) {
        const uint16_t *kernel = winograd_in(b, row, false);
        build_winograd(b, &c,
                       (struct winograd){.source = in.data,
                                         .kernel = kernel,
                                         .result = x.data});
        return;
    }
    struct dnn_tensor kernel =
        kernel_in(b, row, b->parts->kernels->row[row].layouts.forward);
    build_op(b, dnn_conv_train(&op, b->parts->dnn, &c, in, kernel, x, b->why),
             &op);
}

static void forward_convolution(struct builder *b, int row)
{
    struct dnn_tensor x = build_activation(b, row);

    b->made[row].result = pooling_of(b, row) < 0 ? build_activation(b, row) : x;
    if (b->rc)
        return;
    forward_product(b, row, x);
    if (pooling_of(b, row) < 0)
        forward_norm(b, row, x.data);
}

static void own_pool(const struct step *s)
{
    norm_pool_forward(&s->pool);
}

/* The norm of the row before, its relu and the pooling. */
static void forward_pool(struct builder *b, int row)
{
    int from = build_layer(b, row)->input;
    struct made *made = &b->made[row];
    struct norm q = norm_of(b, from, b->made[from].result.data);
    struct dnn_tensor top = build_activation(b, row);

    made->result = build_activation(b, row);
    if (b->rc)
        return;
    q.y = made->result.data;
    struct step *s = build_step(b);
    *s = (struct step){
        .own = own_pool,
        .pool = {.norm = q,
                 .side = build_side(b, from),
                 .top = top.data,
                 .place = build_take(b, dnn_layout_size(top.layout) /
                                            (q.bf16 ? 2 : 4))},
    };
    made->forward = s;
}

static size_t features_size(const struct builder *b, int row)
{
    return (size_t)b->plan->n * build_layer(b, row)->out * sizeof(float);
}

/* One pixel is left: in f32 any layout of it is row-major. */
static void forward_mean(struct builder *b, int row)
{
    struct dnn_pooling p = build_pooling(b, row);
    struct made *made = &b->made[row];
    struct dnn_op *op = NULL;

    made->result = build_activation(b, row);
    if (b->rc)
        return;
    build_op(b,
             dnn_pool(&op, b->parts->dnn, &p, build_input(b, row), made->result,
                      b->why),
             &op);
    made->features = made->result.data;
    if (b->rc || !b->parts->bf16)
        return;
    made->features = build_take(b, features_size(b, row));
    struct dnn_tensor to = build_features(b, row, made->features);
    if (!b->rc)
        build_op(b, dnn_copy(&op, b->parts->dnn, made->result, to, b->why),
                 &op);
}

static void forward_linear(struct builder *b, int row)
{
    const struct layer *l = build_layer(b, row);
    const struct weights *w = b->parts->weights;
    struct dnn_op *op = NULL;
    struct dnn_head head = {.source = b->made[l->input].features,
                            .weight = weights_value(w, row, WEIGHT_KERNEL),
                            .bias = weights_value(w, row, WEIGHT_BIAS),
                            .result = b->plan->logits,
                            .n = b->plan->n,
                            .in = l->in,
                            .out = b->parts->classes};

    build_op(b, dnn_head(&op, b->parts->dnn, &head, true, b->why), &op);
}

static void (*const forward[])(struct builder *b, int row) = {
    [LAYER_CONVOLUTION] = forward_convolution,
    [LAYER_MAX_POOL] = forward_pool,
    [LAYER_MEAN_POOL] = forward_mean,
    [LAYER_LINEAR] = forward_linear,
};

/* Backward: a row takes the gradients of its result and leaves those of what
 * it read. */

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
    if (by_winograd(b, row)) {
        const uint16_t *turned = winograd_in(b, row, true);
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
        kernel_in(b, row, b->parts->kernels->row[row].layouts.back);
    build_op(
        b,
        dnn_conv_back_data(&op, b->parts->dnn, &c, d_in, kernel, d_x, b->why),
        &op);
}

static void backward_convolution(struct builder *b, int row)
{
    struct made *made = &b->made[row];
    struct dnn_tensor d_x = {made->result.layout, made->gradient[0]};

    if (pooling_of(b, row) < 0)
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
        .source = build_take(b, features_size(b, l->input)),
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

void build_training(struct builder *b)
{
    size_t logits = (size_t)b->plan->n * b->parts->classes * sizeof(float);
    int layers = b->parts->resnet->layers;

    b->plan->d_logits = build_take(b, logits);
    for (int r = 0; !b->rc && r < layers; r++)
        forward[build_layer(b, r)->kind](b, r);
    b->plan->middle = b->plan->count;
    for (int r = layers - 1; !b->rc && r >= 0; r--)
        backward[build_layer(b, r)->kind](b, r);
}
