/* The head: a matrix product with the features, always in f32, even if the rest
 * of the network computes in bf16. */
#include "trainer/basic/random.h"
#include "trainer/files/graph.h"
#include "trainer/net/plan_build.h"

#include <math.h>

static int side_one(const struct layer *l, int side)
{
    (void)l;
    (void)side;
    return 1;
}

/* The weight and the bias are initialised as in torch.nn.Linear. */
static void start(const struct layer *l, struct random *r, float *values,
                  size_t count)
{
    float bound = 1.0f / sqrtf((float)l->in);
    for (size_t i = 0; i < count; i++)
        values[i] = random_uniform(r, -bound, bound);
}

/* Adds the product with these weights. */
static void product(struct builder *b, int row, float *weight, float *bias,
                    bool training)
{
    struct dnn_op *op = NULL;
    struct dnn_head head = {.source = b->made[build_from(b, row)].features,
                            .weight = weight,
                            .bias = bias,
                            .result = b->plan->logits,
                            .n = b->plan->n,
                            .in = build_layer(b, row)->in,
                            .out = b->parts->classes};
    build_op(b, dnn_head(&op, b->parts->dnn, &head, training, b->why), &op);
}

static void forward(struct builder *b, int row)
{
    const struct weights *w = b->parts->weights;
    product(b, row, weights_value(w, row, WEIGHT_KERNEL),
            weights_value(w, row, WEIGHT_BIAS), true);
}

static void infer(struct builder *b, int row)
{
    const struct weights *w = b->parts->weights;
    product(b, row, weights_evaluated(w, row, WEIGHT_KERNEL),
            weights_evaluated(w, row, WEIGHT_BIAS), false);
}

static void backward(struct builder *b, int row)
{
    const struct weights *w = b->parts->weights;
    struct dnn *d = b->parts->dnn;
    struct dnn_op *op = NULL;
    int from = build_from(b, row);
    struct dnn_head gradients = {
        .source = build_take(b, build_features_size(b, from)),
        .weight = weights_gradient(w, row, WEIGHT_KERNEL),
        .bias = weights_gradient(w, row, WEIGHT_BIAS),
        .result = b->plan->d_logits,
        .n = b->plan->n,
        .in = build_layer(b, row)->in,
        .out = b->parts->classes,
    };
    if (b->err)
        return;
    build_op(b,
             dnn_head_back_weight(&op, d, &gradients, b->made[from].features,
                                  b->why),
             &op);
    build_op(b,
             dnn_head_back_data(&op, d, &gradients,
                                weights_value(w, row, WEIGHT_KERNEL), b->why),
             &op);
    build_leave(b, from, gradients.source);
}

static const char *onnx(struct graph *g, const struct layer *l,
                        const char *input, const char *shortcut)
{
    (void)shortcut;
    const char *weight = graph_weight(g, l, WEIGHT_KERNEL);
    const char *bias = graph_weight(g, l, WEIGHT_BIAS);
    const char *result =
        graph_node(g, "Gemm", l->name, "", GRAPH_NAMES(input, weight, bias));
    graph_int(g, "transB", 1);
    return result;
}

const struct layer_type layer_linear = {
    .kind = "linear",
    .side = side_one,
    .start = start,
    .forward = forward,
    .backward = backward,
    .infer = infer,
    .onnx = onnx,
};
