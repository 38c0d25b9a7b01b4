/* The squeeze of a squeeze-excitation: the mean of each channel over all
 * pixels, in f32, from which linear rows make gates. In torchvision it is an
 * AdaptiveAvgPool2d.
 *
 * Unlike the mean that the head reads, it is computed by gate.h, as the excite
 * row reads the same input, and leaves a gradient of it to which this row's is
 * added. */
#include "trainer/files/graph.h"
#include "trainer/loops/gate.h"
#include "trainer/net/plan_build.h"

static int side_one(const struct layer *l, int side)
{
    (void)l;
    (void)side;
    return 1;
}

static struct gate problem(const struct builder *b, int row)
{
    int from = build_from(b, row), side = build_side(b, from);
    return (struct gate){
        .n = b->plan->n,
        .channels = build_layer(b, row)->out,
        .rows = side * side,
        .block = build_block(b, from),
        .bf16 = b->parts->bf16,
        .x = b->made[from].result.data,
    };
}

static void run_mean(const void *q)
{
    gate_mean(q);
}

static void forward(struct builder *b, int row)
{
    struct gate q = problem(b, row);
    q.values = build_take(b, build_features_size(b, row));
    b->made[row].features = q.values;
    build_own(b, run_mean, &q, sizeof q);
}

static void infer(struct builder *b, int row)
{
    forward(b, row);
    build_read_once(b, build_from(b, row));
}

struct back {
    struct gate gate;
    void *d_x;
};

static void run_back(const void *back)
{
    const struct back *q = back;
    gate_mean_back(&q->gate, q->d_x);
}

static void backward(struct builder *b, int row)
{
    struct back q = {
        .gate = problem(b, row),
        .d_x = b->made[build_from(b, row)].gradient[0],
    };
    q.gate.values = b->made[row].gradient[0];
    build_own(b, run_back, &q, sizeof q);
    build_give_gradients(b, row);
}

static const char *onnx(struct graph *g, const struct layer *l,
                        const char *input, const char *shortcut)
{
    (void)shortcut;
    return graph_node(g, "GlobalAveragePool", l->name, "", GRAPH_NAMES(input));
}

const struct layer_type layer_squeeze = {
    .kind = "squeeze",
    .side = side_one,
    .forward = forward,
    .backward = backward,
    .infer = infer,
    .onnx = onnx,
};
