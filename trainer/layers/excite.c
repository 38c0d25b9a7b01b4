/* The excitation of a squeeze-excitation: each channel of the input times its
 * gate, which a linear row, the shortcut, has made of the same input. */
#include "trainer/files/graph.h"
#include "trainer/loops/gate.h"
#include "trainer/net/plan_build.h"

static int side_same(const struct layer *l, int side)
{
    (void)l;
    return side;
}

static int gates_of(const struct builder *b, int row)
{
    return network_shortcut(b->parts->network, row);
}

static struct gate problem(const struct builder *b, int row)
{
    int side = build_side(b, row);
    return (struct gate){
        .n = b->plan->n,
        .channels = build_layer(b, row)->out,
        .rows = side * side,
        .block = build_block(b, row),
        .bf16 = b->parts->bf16,
        .x = b->made[build_from(b, row)].result.data,
        .values = b->made[gates_of(b, row)].features,
    };
}

struct product {
    struct gate gate;
    void *y;
};

static void run_product(const void *product)
{
    const struct product *q = product;
    gate_product(&q->gate, q->y);
}

static void forward(struct builder *b, int row)
{
    struct product q = {.gate = problem(b, row)};
    b->made[row].result = build_activation(b, row);
    q.y = b->made[row].result.data;
    build_own(b, run_product, &q, sizeof q);
}

/* This row is the last one to read its input, so that the result may overwrite
 * it. */
static void infer(struct builder *b, int row)
{
    struct product q = {.gate = problem(b, row)};
    b->made[row].result = b->made[build_from(b, row)].result;
    q.y = b->made[row].result.data;
    build_own(b, run_product, &q, sizeof q);
}

struct back {
    struct gate gate;
    const void *d_y;
    void *d_x;
    float *d_gates;
};

static void run_back(const void *back)
{
    const struct back *q = back;
    gate_product_back(&q->gate, q->d_y, q->d_x, q->d_gates);
}

static void backward(struct builder *b, int row)
{
    int gates = gates_of(b, row);
    struct back q = {
        .gate = problem(b, row),
        .d_y = b->made[row].gradient[0],
        .d_x = build_result_over(b, row),
        .d_gates = build_take(b, build_features_size(b, gates)),
    };
    build_give_gradients(b, row);
    build_own(b, run_back, &q, sizeof q);
    build_leave(b, build_from(b, row), q.d_x);
    build_leave(b, gates, q.d_gates);
}

static const char *onnx(struct graph *g, const struct layer *l,
                        const char *input, const char *shortcut)
{
    const char *gates = graph_spread(g, l->name, shortcut);
    return graph_node(g, "Mul", l->name, "", GRAPH_NAMES(input, gates));
}

const struct layer_type layer_excite = {
    .kind = "excite",
    .side = side_same,
    .forward = forward,
    .backward = backward,
    .infer = infer,
    .onnx = onnx,
};
