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

void normed_forward(struct builder *b, int row, void *x)
{
    struct norm q = build_norm(b, row, x);
    q.y = b->made[row].result.data;
    b->made[row].x = x;
    b->made[row].forward = build_own(b, run_norm, &q, sizeof q);
}

/* A result that one row reads, and nothing on the way back but that row. */
static bool is_remade(const struct builder *b, int row)
{
    return !b->err && row >= 0 && b->made[row].x && b->made[row].readers == 1 &&
           network_shortcut(b->parts->network, row) < 0;
}

void normed_forget(struct builder *b, int row)
{
    if (is_remade(b, row))
        build_give_result(b, row);
}

static void run_norm_again(const void *norm)
{
    norm_again(norm);
}

void normed_remake(struct builder *b, int row)
{
    if (!is_remade(b, row))
        return;
    struct norm q = *(const struct norm *)b->made[row].forward;
    b->made[row].result = build_tensor(b, b->made[row].result.layout);
    q.y = b->made[row].result.data;
    build_own(b, run_norm_again, &q, sizeof q);
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
        .d_x = made->x,
    };
    if (shortcut >= 0) {
        q.d_sum = build_result_over(b, row);
        build_leave(b, shortcut, q.d_sum);
    }
    build_give_gradients(b, row);
    build_own(b, run_norm_back, &q, sizeof q);
    return (struct dnn_tensor){made->result.layout, q.d_x};
}
