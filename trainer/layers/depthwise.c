/* A depthwise convolution without bias, followed by batch normalisation and
 * perhaps an activation. All of it are loops of our own: depthwise.h, norm.h.
 *
 * In evaluation, the normalisation is folded into the kernel (kernels.h), and
 * the convolution itself applies the activation. */
#include "trainer/loops/depthwise.h"

#include "trainer/files/graph.h"
#include "trainer/layers/normed.h"
#include "trainer/net/plan_build.h"

#include <omp.h>

/* The problem of a row, without what is computed, which must have its memory
 * already: the work area is given back at once. */
static struct depthwise problem(struct builder *b, int row,
                                const float *weights)
{
    const struct layer *l = build_layer(b, row);
    struct depthwise q = {
        .n = b->plan->n,
        .channels = dnn_padded(b->parts->dnn, l->out),
        .side = build_side(b, build_from(b, row)),
        .result_side = build_side(b, row),
        .kernel = l->kernel,
        .stride = l->stride,
        .pad = l->padding,
        .block = build_block(b, row),
        .bf16 = b->parts->bf16,
        .source = build_input(b, row).data,
        .weights = weights,
        .threads = omp_get_max_threads(),
    };
    q.work = build_take(b, depthwise_work(&q) * sizeof *q.work);
    build_give(b, q.work);
    return q;
}

static void run_forward(const void *q)
{
    depthwise_forward(q);
}

static void forward(struct builder *b, int row)
{
    void *x = build_activation(b, row).data;
    struct depthwise q =
        problem(b, row, weights_value(b->parts->weights, row, WEIGHT_KERNEL));
    q.result = x;
    build_own(b, run_forward, &q, sizeof q);
    normed_forget(b, build_from(b, row));
    b->made[row].result = build_activation(b, row);
    if (!b->err)
        normed_forward(b, row, x);
}

/* Backward */

static void run_back_weights(const void *q)
{
    depthwise_back_weights(q);
}

static void run_back_source(const void *q)
{
    depthwise_back_source(q);
}

static void backward(struct builder *b, int row)
{
    const struct weights *w = b->parts->weights;
    int from = build_from(b, row);
    void *d_x = normed_backward(b, row).data;
    normed_remake(b, from);
    void *d_source = build_activation(b, from).data;
    struct depthwise q = problem(b, row, weights_value(w, row, WEIGHT_KERNEL));
    q.d_result = d_x;
    q.d_weights = weights_gradient(w, row, WEIGHT_KERNEL);
    build_own(b, run_back_weights, &q, sizeof q);
    normed_forget(b, from);
    q.d_source = d_source;
    build_own(b, run_back_source, &q, sizeof q);
    build_leave(b, from, d_source);
    build_give(b, d_x);
}

/* Evaluation */

static void infer(struct builder *b, int row)
{
    const struct kernel *k = &b->parts->kernels->row[row];
    b->made[row].result = build_activation(b, row);
    struct depthwise q = problem(b, row, k->folded.data);
    q.bias = k->bias.data;
    q.activation = build_layer(b, row)->activation;
    q.result = b->made[row].result.data;
    build_own(b, run_forward, &q, sizeof q);
    build_read_once(b, build_from(b, row));
}

/* Export */

static const char *onnx(struct graph *g, const struct layer *l,
                        const char *input, const char *shortcut)
{
    (void)shortcut;
    const char *kernel = graph_weight(g, l, WEIGHT_KERNEL);
    const char *x =
        graph_node(g, "Conv", l->name, "", GRAPH_NAMES(input, kernel));
    graph_window(g, l);
    return graph_activation(g, l, l->norm, graph_norm(g, l, x));
}

const struct layer_type layer_depthwise = {
    .kind = "depthwise convolution",
    .side = layer_window_side,
    .start = normed_start,
    .forward = forward,
    .backward = backward,
    .infer = infer,
    .onnx = onnx,
};
