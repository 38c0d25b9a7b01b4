#include "trainer/net/plan.h"

#include "trainer/net/plan_build.h"

#include <errno.h>
#include <stdlib.h>

/* Pictures come in f32 and row-major; the first convolution may need another
 * layout or type, and then a copy is the first step, after which their memory
 * is free for the other ones. */
static void build_image(struct builder *b)
{
    const struct plan_parts *p = b->parts;
    struct dnn_conv c =
        kernel_shape(build_layer(b, 0), b->plan->n, p->image_size);
    struct dnn_conv_layouts wanted = {0};
    struct dnn_op *op = NULL;
    b->err = dnn_conv_choose(p->dnn, &c, b->plan->training, &wanted, b->why);
    struct dnn_tensor plain =
        build_tensor(b, dnn_plain(p->dnn, DNN_F32, 4,
                                  (int64_t[]){c.n, c.in, c.side, c.side}));
    b->plan->image = plain.data;
    b->image = plain;
    if (b->err || dnn_layout_same(plain.layout, wanted.source))
        return;
    b->image = build_tensor(b, wanted.source);
    if (b->err)
        return;
    build_op(b, dnn_copy(&op, p->dnn, plain, b->image, b->why), &op);
    build_give(b, plain.data);
}

static void count_readers(struct builder *b)
{
    const struct network *net = b->parts->network;
    for (int r = 0; r < net->layers; r++) {
        int input = network_input(net, r), shortcut = network_shortcut(net, r);
        if (input >= 0)
            b->made[input].readers++;
        if (shortcut >= 0)
            b->made[shortcut].readers++;
    }
}

/* Kernels stand in the arenas in the order of their rows. */
static void mark(struct builder *b, int row)
{
    const struct weights *w = b->parts->weights;
    struct plan *p = b->plan;
    if (w->index[row][WEIGHT_KERNEL] >= 0)
        p->mark[p->marks++] =
            (struct plan_mark){p->count, weight_of(w, row, WEIGHT_KERNEL)->at};
}

/* The way back of a row is the last to read its result. */
static void build_backward(struct builder *b, int row)
{
    layer_type(build_layer(b, row))->backward(b, row);
    build_give_result(b, row);
    mark(b, row);
}

/* Builds the steps forward through the rows, then back through them. What the
 * way back reads (inputs, what is normalised, outputs) is not given back before
 * it was read there. */
static void build_training(struct builder *b)
{
    size_t logits = (size_t)b->plan->n * b->parts->classes * sizeof(float);
    int layers = b->parts->network->layers;
    b->plan->d_logits = build_take(b, logits);
    b->plan->mark = calloc((size_t)layers, sizeof *b->plan->mark);
    if (!b->plan->mark)
        b->err =
            refuse(b->why, ENOMEM, "out of memory for the network's steps");
    for (int r = 0; !b->err && r < layers; r++)
        layer_type(build_layer(b, r))->forward(b, r);
    b->plan->middle = b->plan->count;
    for (int r = layers - 1; !b->err && r >= 0; r--)
        build_backward(b, r);
}

static void build_inference(struct builder *b)
{
    for (int r = 0; !b->err && r < b->parts->network->layers; r++)
        layer_type(build_layer(b, r))->infer(b, r);
    b->plan->middle = b->plan->count;
}

static void build_all(struct builder *b)
{
    size_t logits = (size_t)b->plan->n * b->parts->classes * sizeof(float);
    buffers_give_all(b->parts->buffers);
    count_readers(b);
    b->plan->logits = build_take(b, logits);
    if (!b->err)
        build_image(b);
    if (b->plan->training)
        build_training(b);
    else
        build_inference(b);
}

static int build(const struct plan_parts *parts, struct plan *plan,
                 struct reason *why)
{
    struct builder b = {.parts = parts, .plan = plan, .why = why};
    b.made = calloc((size_t)parts->network->layers, sizeof *b.made);
    if (!b.made)
        return refuse(why, ENOMEM, "out of memory for the network's steps");
    build_all(&b);
    free(b.made);
    return b.err;
}

/* Life cycle */

int plan_open(struct plan **out, const struct plan_parts *parts, int n,
              bool training, struct reason *why)
{
    struct plan *p = calloc(1, sizeof *p);
    if (!p)
        return refuse(why, ENOMEM, "out of memory for the network's steps");
    *p = (struct plan){.n = n, .training = training};
    int err = build(parts, p, why);
    if (err)
        plan_free(p);
    else
        *out = p;
    return err;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->count; i++) {
        dnn_op_free(p->step[i].op);
        free(p->step[i].problem);
    }
    free(p->step);
    free(p->mark);
    free(p);
}

/* Change */

int plan_run(const struct plan *p, struct dnn *dnn, int first, int last,
             struct reason *why)
{
    int err = 0;
    for (int i = first; !err && i < last; i++) {
        const struct step *s = &p->step[i];
        if (s->op)
            err = dnn_run(dnn, s->op, why);
        else
            s->run(s->problem);
    }
    return err;
}
