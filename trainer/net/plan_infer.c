/* Plans of evaluation: batch normalisation is folded into the kernels, the
 * shortcut is added and the ReLU applied by the convolution itself, in the
 * shortcut's memory. */
#include "trainer/net/plan_build.h"

static void read_once(struct builder *b, int row)
{
    if (row >= 0 && --b->made[row].readers == 0)
        build_give(b, b->made[row].result.data);
}

static void infer_convolution(struct builder *b, int row)
{
    const struct layer *l = build_layer(b, row);
    const struct kernel *k = &b->parts->kernels->row[row];
    struct made *made = &b->made[row];
    struct dnn_conv c = build_conv(b, row);
    struct dnn_op *op = NULL;
    bool sum = l->shortcut >= 0;

    /* A shortcut has no reader but this row left: its memory is ours. */
    made->result = sum ? b->made[l->shortcut].result : build_activation(b, row);
    if (b->rc)
        return;
    if (k->winograd)
        build_winograd(b, &c,
                       (struct winograd){.source = build_input(b, row).data,
                                         .kernel = k->folded.data,
                                         .bias = k->bias.data,
                                         .sum = sum,
                                         .relu = l->relu,
                                         .result = made->result.data});
    else
        build_op(b,
                 dnn_conv_infer(&op, b->parts->dnn, &c, build_input(b, row),
                                k->folded, k->bias, made->result, sum, l->relu,
                                b->why),
                 &op);
    read_once(b, l->input);
}

static void infer_pool(struct builder *b, int row)
{
    struct dnn_pooling p = build_pooling(b, row);
    struct dnn_op *op = NULL;

    b->made[row].result = build_activation(b, row);
    if (b->rc)
        return;
    build_op(b,
             dnn_pool(&op, b->parts->dnn, &p, build_input(b, row),
                      b->made[row].result, b->why),
             &op);
    read_once(b, build_layer(b, row)->input);
}

static void infer_mean(struct builder *b, int row)
{
    struct made *made = &b->made[row];
    struct dnn_op *op = NULL;

    infer_pool(b, row);
    made->features = b->plan->features = made->result.data;
    if (b->rc || !b->parts->bf16)
        return;
    size_t count = (size_t)b->plan->n * build_layer(b, row)->out;
    made->features = build_take(b, count * sizeof(float));
    b->plan->features = made->features;
    struct dnn_tensor to = build_features(b, row, made->features);
    if (!b->rc)
        build_op(b, dnn_copy(&op, b->parts->dnn, made->result, to, b->why),
                 &op);
}

static void infer_linear(struct builder *b, int row)
{
    const struct layer *l = build_layer(b, row);
    const struct weights *w = b->parts->weights;
    struct dnn_op *op = NULL;
    struct dnn_head head = {.source = b->made[l->input].features,
                            .weight = weights_evaluated(w, row, WEIGHT_KERNEL),
                            .bias = weights_evaluated(w, row, WEIGHT_BIAS),
                            .result = b->plan->logits,
                            .n = b->plan->n,
                            .in = l->in,
                            .out = b->parts->classes};

    build_op(b, dnn_head(&op, b->parts->dnn, &head, false, b->why), &op);
}

static void (*const infer[])(struct builder *b, int row) = {
    [LAYER_CONVOLUTION] = infer_convolution,
    [LAYER_MAX_POOL] = infer_pool,
    [LAYER_MEAN_POOL] = infer_mean,
    [LAYER_LINEAR] = infer_linear,
};

void build_inference(struct builder *b)
{
    for (int r = 0; !b->rc && r < b->parts->network->layers; r++)
        infer[build_layer(b, r)->kind](b, r);
    b->plan->middle = b->plan->count;
}
