/* Plans of training: forward through the rows, then back through them. What
 * the way back reads (inputs, results of convolutions, outputs) keeps its
 * memory. The way back is in plan_back.c. */
#include "trainer/net/plan_build.h"

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
        .epsilon = NETWORK_EPSILON,
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

    if (build_by_winograd(b, row)) {
        const uint16_t *kernel = build_winograd_kernel(b, row, false);
        build_winograd(b, &c,
                       (struct winograd){.source = in.data,
                                         .kernel = kernel,
                                         .result = x.data});
        return;
    }
    struct dnn_tensor kernel =
        build_kernel(b, row, b->parts->kernels->row[row].layouts.forward);
    build_op(b, dnn_conv_train(&op, b->parts->dnn, &c, in, kernel, x, b->why),
             &op);
}

static void forward_convolution(struct builder *b, int row)
{
    struct dnn_tensor x = build_activation(b, row);

    b->made[row].result =
        build_pooling_of(b, row) < 0 ? build_activation(b, row) : x;
    if (b->rc)
        return;
    forward_product(b, row, x);
    if (build_pooling_of(b, row) < 0)
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
    made->features = build_take(b, build_features_size(b, row));
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

void build_training(struct builder *b)
{
    size_t logits = (size_t)b->plan->n * b->parts->classes * sizeof(float);
    int layers = b->parts->network->layers;

    b->plan->d_logits = build_take(b, logits);
    for (int r = 0; !b->rc && r < layers; r++)
        forward[build_layer(b, r)->kind](b, r);
    b->plan->middle = b->plan->count;
    build_back(b);
}
