#include "trainer/net/plan_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *build_take(struct builder *b, size_t size)
{
    void *data = b->err ? NULL : buffers_take(b->parts->buffers, size);
    if (!b->err && !data)
        b->err = refuse(b->why, ENOMEM,
                        "out of memory for %d pictures of %d pixels a side",
                        b->plan->n, b->parts->image_size);
    return data;
}

void build_give(struct builder *b, const void *data)
{
    if (!b->err)
        buffers_give(b->parts->buffers, data);
}

struct dnn_tensor build_tensor(struct builder *b, const struct dnn_layout *l)
{
    if (!l && !b->err)
        b->err = refuse(b->why, ENOMEM, "out of memory for a layout");
    if (b->err)
        return (struct dnn_tensor){0};
    return (struct dnn_tensor){l, build_take(b, dnn_layout_size(l))};
}

struct dnn_tensor build_activation(struct builder *b, int row)
{
    return build_tensor(b, dnn_activation(b->parts->dnn, b->plan->n,
                                          build_layer(b, row)->out,
                                          build_side(b, row)));
}

struct dnn_tensor build_input(struct builder *b, int row)
{
    int from = build_from(b, row);
    return from < 0 ? b->image : b->made[from].result;
}

size_t build_features_size(const struct builder *b, int row)
{
    return (size_t)b->plan->n * build_layer(b, row)->out * sizeof(float);
}

struct dnn_tensor build_features(struct builder *b, int row, float *data)
{
    int64_t dim[] = {b->plan->n, build_layer(b, row)->out, 1, 1};
    return (struct dnn_tensor){dnn_plain(b->parts->dnn, DNN_F32, 4, dim), data};
}

static struct step *add_step(struct builder *b)
{
    struct plan *p = b->plan;
    struct step *more =
        realloc(p->step, ((size_t)p->count + 1) * sizeof *p->step);
    if (!more) {
        b->err =
            refuse(b->why, ENOMEM, "out of memory for the network's steps");
        return NULL;
    }
    p->step = more;
    p->step[p->count] = (struct step){0};
    return &p->step[p->count++];
}

void build_op(struct builder *b, int err, struct dnn_op **op)
{
    if (err && !b->err)
        b->err = err;
    if (err)
        return;
    struct step *s = add_step(b);
    if (s)
        s->op = *op;
    else
        dnn_op_free(*op);
}

const void *build_own(struct builder *b, void (*run)(const void *problem),
                      const void *problem, size_t size)
{
    struct step *s = b->err ? NULL : add_step(b);
    if (!s)
        return NULL;
    s->run = run;
    s->problem = malloc(size);
    if (s->problem)
        memcpy(s->problem, problem, size);
    else
        b->err =
            refuse(b->why, ENOMEM, "out of memory for the network's steps");
    return s->problem;
}

void build_pool(struct builder *b, int row, struct dnn_pooling p)
{
    struct made *made = &b->made[row];
    struct dnn_op *op = NULL;
    made->result = build_activation(b, row);
    if (!b->err)
        build_op(b,
                 dnn_pool(&op, b->parts->dnn, &p, build_input(b, row),
                          made->result, b->why),
                 &op);
}

struct norm build_norm(struct builder *b, int row, const void *x)
{
    const struct layer *l = build_layer(b, row);
    const struct weights *w = b->parts->weights;
    int shortcut = network_shortcut(b->parts->network, row);
    int side = build_side(b, row);
    struct norm q = {
        .n = b->plan->n,
        .channels = dnn_padded(b->parts->dnn, l->out),
        .rows = side * side,
        .block = build_block(b, row),
        .bf16 = b->parts->bf16,
        .activation = l->activation,
        .epsilon = l->epsilon,
        .x = x,
        .add = shortcut < 0 ? NULL : b->made[shortcut].result.data,
        .gamma = weights_value(w, row, WEIGHT_GAMMA),
        .beta = weights_value(w, row, WEIGHT_BETA),
        .mean = weights_gradient(w, row, WEIGHT_MEAN),
        .variance = weights_gradient(w, row, WEIGHT_VARIANCE),
        .fixed = b->parts->fixed_statistics,
        .join = b->parts->join,
    };
    q.work = build_take(b, norm_work(q.n, q.channels, q.rows, q.block) *
                               sizeof(float));
    return q;
}

void build_read_once(struct builder *b, int row)
{
    if (row >= 0 && --b->made[row].readers == 0)
        build_give(b, b->made[row].result.data);
}

/* The way back */

void build_leave(struct builder *b, int row, void *gradient)
{
    struct made *made = &b->made[row];
    made->gradient[made->gradients++] = gradient;
}

void build_leave_over(struct builder *b, int row)
{
    build_leave(b, row, b->made[row].result.data);
    b->made[row].result.data = NULL;
}

void build_give_result(struct builder *b, int row)
{
    if (b->made[row].result.data)
        build_give(b, b->made[row].result.data);
    b->made[row].result.data = NULL;
}

/* Finds a gradient of the row that no other row has yet to read; NULL = none.
 */
static void *own_gradient(const struct builder *b, int row)
{
    const struct made *made = &b->made[row];
    for (int i = 0; i < made->gradients; i++)
        if (buffers_users(b->parts->buffers, made->gradient[i]) == 1)
            return made->gradient[i];
    return NULL;
}

void *build_result_over(struct builder *b, int row)
{
    void *over = own_gradient(b, row);
    if (!over)
        return build_take(b, dnn_layout_size(b->made[row].result.layout));
    /* The result is a second user of that memory; build_give_gradients() will
     * remove the first one. */
    buffers_share(b->parts->buffers, over);
    return over;
}

void build_give_gradients(struct builder *b, int row)
{
    for (int i = 0; i < b->made[row].gradients; i++)
        build_give(b, b->made[row].gradient[i]);
}
