#include "trainer/layers/normed.h"

#include <math.h>

void normed_start(const struct layer *l, enum weight_part part,
                  struct random *r, float *values, size_t count)
{
    (void)part;
    float deviation = sqrtf(2.0f / (float)(l->out * l->kernel * l->kernel));
    for (size_t i = 0; i < count; i++)
        values[i] = deviation * random_normal(r);
}

static void run_norm(const void *norm)
{
    norm_forward(norm);
}

void normed_forward(struct builder *b, int row, const void *x)
{
    struct norm q = build_norm(b, row, x);
    q.y = b->made[row].result.data;
    b->made[row].forward = build_own(b, run_norm, &q, sizeof q);
}

static void run_norm_back(const void *norm)
{
    norm_backward(norm);
}

struct dnn_tensor normed_backward(struct builder *b, int row)
{
    const struct weights *w = b->parts->weights;
    int shortcut = network_shortcut(b->parts->network, row);
    struct made *made = &b->made[row];
    struct norm_back q = {
        .forward = made->forward,
        .d_out = made->gradient[0],
        .d_more = made->gradient[1],
        .d_gamma = weights_gradient(w, row, WEIGHT_GAMMA),
        .d_beta = weights_gradient(w, row, WEIGHT_BETA),
    };
    if (shortcut < 0) {
        q.d_x = build_result_over(b, row);
    } else {
        q.d_sum = build_result_over(b, row);
        q.d_x = build_take(b, dnn_layout_size(made->result.layout));
        build_leave(b, shortcut, q.d_sum);
    }
    build_give_gradients(b, row);
    build_own(b, run_norm_back, &q, sizeof q);
    return (struct dnn_tensor){made->result.layout, q.d_x};
}
