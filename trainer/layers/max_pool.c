/* The maximum of each window, padded with -infinity.
 *
 * In training, the pooling also normalises its input (norm_pool.h), so that the
 * normalised activation, the largest one of a ResNet, is never written to
 * memory and read again. norm_test compares this with normalisation and pooling
 * one after the other. */
#include "trainer/files/graph.h"
#include "trainer/loops/norm_pool.h"
#include "trainer/net/plan_build.h"

static void run_forward(const void *pool)
{
    norm_pool_forward(pool);
}

static void forward(struct builder *b, int row)
{
    int from = build_from(b, row);
    struct made *made = &b->made[row];
    struct norm_pool pool = {
        .norm = build_norm(b, from, b->made[from].result.data),
        .side = build_side(b, from),
    };
    struct dnn_tensor top = build_activation(b, row);
    made->result = build_activation(b, row);
    if (b->err)
        return;
    pool.norm.y = made->result.data;
    pool.top = top.data;
    pool.place =
        build_take(b, dnn_layout_size(top.layout) / (pool.norm.bf16 ? 2 : 4));
    made->forward = build_own(b, run_forward, &pool, sizeof pool);
}

static void run_backward(const void *pool)
{
    norm_pool_backward(pool);
}

/* Leaves the gradient of the convolution's result, before normalisation. */
static void backward(struct builder *b, int row)
{
    int from = build_from(b, row);
    const struct weights *w = b->parts->weights;
    struct made *made = &b->made[row];
    struct norm_pool_back pool = {
        .forward = made->forward,
        .d_out = made->gradient[0],
        .d_more = made->gradient[1],
        .d_sum = build_result_over(b, row),
        .d_x = b->made[from].result.data, /* in the place of x */
        .d_gamma = weights_gradient(w, from, WEIGHT_GAMMA),
        .d_beta = weights_gradient(w, from, WEIGHT_BETA),
    };
    build_give_gradients(b, row);
    build_give(b, pool.d_sum);
    build_leave_over(b, from);
    build_own(b, run_backward, &pool, sizeof pool);
}

/* In evaluation, the normalisation is folded into the convolution before, so
 * that only the pooling is left, which oneDNN does. */
static void infer(struct builder *b, int row)
{
    const struct layer *l = build_layer(b, row);
    int from = build_from(b, row);
    build_pool(b, row,
               (struct dnn_pooling){.kind = DNN_POOL_MAX,
                                    .side = build_side(b, from),
                                    .kernel = l->kernel,
                                    .stride = l->stride,
                                    .pad = l->padding,
                                    .n = b->plan->n,
                                    .channels = l->out});
    build_read_once(b, from);
}

static const char *onnx(struct graph *g, const struct layer *l,
                        const char *input, const char *shortcut)
{
    (void)shortcut;
    const char *result =
        graph_node(g, "MaxPool", l->name, "", GRAPH_NAMES(input));
    graph_window(g, l);
    return result;
}

const struct layer_type layer_max_pool = {
    .kind = "max pool",
    .side = layer_window_side,
    .normalises_input = true,
    .forward = forward,
    .backward = backward,
    .infer = infer,
    .onnx = onnx,
};
