/* A matrix product with features, always in f32, even if the rest of the
 * network computes in bf16, and perhaps an activation. The last row, the head,
 * has no activation; its result are the logits. */
#include "trainer/basic/random.h"
#include "trainer/files/graph.h"
#include "trainer/loops/activate.h"
#include "trainer/net/plan_build.h"

#include <math.h>

static int side_one(const struct layer *l, int side)
{
    (void)l;
    (void)side;
    return 1;
}

/* Initialised as in torch.nn.Linear, or as torchvision initialises it where the
 * row says with what deviation, or where it is a convolution of one pixel:
 * He's normal distribution by fan-out. Then the bias begins at 0. */
static void start(const struct layer *l, enum weight_part part,
                  struct random *r, float *values, size_t count)
{
    float bound = 1.0f / sqrtf((float)l->in);
    float deviation = l->rank == 4 ? sqrtf(2.0f / (float)l->out) : l->deviation;
    if (part == WEIGHT_BIAS && deviation > 0)
        deviation = bound = 0;
    for (size_t i = 0; i < count; i++)
        values[i] = deviation > 0 ? deviation * random_normal(r)
                                  : random_uniform(r, -bound, bound);
}

static bool is_head(const struct builder *b, int row)
{
    return row == network_head(b->parts->network);
}

static int outputs(const struct builder *b, int row)
{
    return is_head(b, row) ? b->parts->classes : build_layer(b, row)->out;
}

/* Adds the product with these weights. */
static void product(struct builder *b, int row, float *weight, float *bias,
                    float *result, bool training)
{
    struct dnn_op *op = NULL;
    struct dnn_head head = {.source = b->made[build_from(b, row)].features,
                            .weight = weight,
                            .bias = bias,
                            .result = result,
                            .n = b->plan->n,
                            .in = build_layer(b, row)->in,
                            .out = outputs(b, row)};
    if (!b->err)
        build_op(b, dnn_head(&op, b->parts->dnn, &head, training, b->why), &op);
}

static void run_activate(const void *q)
{
    activate_forward(q);
}

static void run_activate_back(const void *q)
{
    activate_backward(q);
}

static struct activate activation(const struct builder *b, int row)
{
    return (struct activate){.by = build_layer(b, row)->activation,
                             .count = b->plan->n * outputs(b, row)};
}

/* In evaluation, the activation may overwrite what it reads. */
static void add_activation(struct builder *b, int row, float *x, bool training)
{
    struct activate q = activation(b, row);
    b->made[row].features = x;
    if (q.by == ACTIVATION_NONE)
        return;
    if (training)
        b->made[row].features = build_take(b, build_features_size(b, row));
    q.x = x;
    q.out = b->made[row].features;
    b->made[row].forward = build_own(b, run_activate, &q, sizeof q);
}

static void forward(struct builder *b, int row)
{
    const struct weights *w = b->parts->weights;
    bool head = is_head(b, row);
    float *x =
        head ? b->plan->logits : build_take(b, build_features_size(b, row));
    product(b, row, weights_value(w, row, WEIGHT_KERNEL),
            weights_value(w, row, WEIGHT_BIAS), x, true);
    if (!head)
        add_activation(b, row, x, true);
}

static void infer(struct builder *b, int row)
{
    const struct weights *w = b->parts->weights;
    bool head = is_head(b, row);
    float *x =
        head ? b->plan->logits : build_take(b, build_features_size(b, row));
    product(b, row, weights_evaluated(w, row, WEIGHT_KERNEL),
            weights_evaluated(w, row, WEIGHT_BIAS), x, false);
    if (head)
        b->plan->features = b->made[build_from(b, row)].features;
    else
        add_activation(b, row, x, false);
}

/* Backward */

/* The gradient of the product. */
static float *backward_activation(struct builder *b, int row)
{
    const struct activate *forward = b->made[row].forward;
    float *gradient =
        is_head(b, row) ? b->plan->d_logits : b->made[row].gradient[0];
    struct activate q = activation(b, row);
    if (b->err || !forward)
        return gradient;
    q.x = forward->x;
    q.in = q.out = gradient;
    build_own(b, run_activate_back, &q, sizeof q);
    return gradient;
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
        .result = backward_activation(b, row),
        .n = b->plan->n,
        .in = build_layer(b, row)->in,
        .out = outputs(b, row),
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
    build_give_gradients(b, row);
}

/* Export */

static const char *onnx(struct graph *g, const struct layer *l,
                        const char *input, const char *shortcut)
{
    (void)shortcut;
    bool pixel = l->rank == 4; /* in torchvision a convolution of one pixel */
    const char *weight = graph_weight(g, l, WEIGHT_KERNEL);
    const char *bias = graph_weight(g, l, WEIGHT_BIAS);
    const char *result = graph_node(g, pixel ? "Conv" : "Gemm", l->name, "",
                                    GRAPH_NAMES(input, weight, bias));
    if (pixel)
        graph_window(g, l);
    else
        graph_int(g, "transB", 1);
    return graph_activation(g, l, l->name, result);
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
