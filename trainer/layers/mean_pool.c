/* The mean of each channel over all pixels. The results are the features, which
 * the head reads in f32. */
#include "trainer/files/graph.h"
#include "trainer/net/plan_build.h"

static int side_one(const struct layer *l, int side)
{
    (void)l;
    (void)side;
    return 1;
}

static struct dnn_pooling pooling(const struct builder *b, int row)
{
    int side = build_side(b, build_from(b, row));
    return (struct dnn_pooling){.kind = DNN_POOL_MEAN,
                                .side = side,
                                .kernel = side,
                                .stride = 1,
                                .n = b->plan->n,
                                .channels = build_layer(b, row)->out};
}

/* Whether the result is not row-major in f32. As each channel has one pixel,
 * every layout is row-major, but for the padding of a last block. */
static bool is_packed(const struct builder *b, int row)
{
    int channels = build_layer(b, row)->out;
    return b->parts->bf16 || dnn_padded(b->parts->dnn, channels) != channels;
}

/* Sets the row's features: the result, or a copy that is row-major in f32. */
static void take_features(struct builder *b, int row)
{
    struct made *made = &b->made[row];
    struct dnn_op *op = NULL;
    made->features = made->result.data;
    if (b->err || !is_packed(b, row))
        return;
    made->features = build_take(b, build_features_size(b, row));
    struct dnn_tensor to = build_features(b, row, made->features);
    if (!b->err)
        build_op(b, dnn_copy(&op, b->parts->dnn, made->result, to, b->why),
                 &op);
}

static void forward(struct builder *b, int row)
{
    build_pool(b, row, pooling(b, row));
    take_features(b, row);
}

static void infer(struct builder *b, int row)
{
    build_pool(b, row, pooling(b, row));
    build_read_once(b, build_from(b, row));
    take_features(b, row);
}

static void backward(struct builder *b, int row)
{
    int from = build_from(b, row);
    struct dnn_tensor d_y = {b->made[row].result.layout,
                             b->made[row].gradient[0]};
    struct dnn_op *op = NULL;
    if (is_packed(b, row)) { /* the gradient of the features is not */
        struct dnn_tensor plain = build_features(b, row, d_y.data);
        d_y = build_activation(b, row);
        if (b->err)
            return;
        build_op(b, dnn_copy(&op, b->parts->dnn, plain, d_y, b->why), &op);
        build_give(b, plain.data);
    }
    struct dnn_pooling p = pooling(b, row);
    struct dnn_tensor d_in = build_activation(b, from);
    if (b->err)
        return;
    build_op(b, dnn_pool_back(&op, b->parts->dnn, &p, d_in, d_y, b->why), &op);
    build_leave(b, from, d_in.data);
    build_give(b, d_y.data);
}

static const char *onnx(struct graph *g, const struct layer *l,
                        const char *input, const char *shortcut)
{
    (void)shortcut;
    const char *mean =
        graph_node(g, "GlobalAveragePool", l->name, "", GRAPH_NAMES(input));
    const char *result =
        graph_node(g, "Flatten", l->name, ".flatten", GRAPH_NAMES(mean));
    graph_int(g, "axis", 1);
    return result;
}

const struct layer_type layer_mean_pool = {
    .kind = "mean pool",
    .side = side_one,
    .forward = forward,
    .backward = backward,
    .infer = infer,
    .onnx = onnx,
};
