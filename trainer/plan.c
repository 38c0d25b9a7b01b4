#include "plan.h"

#include "plan_build.h"

#include <errno.h>
#include <omp.h>
#include <stdlib.h>

enum { STEPS_MAX = RESNET_LAYERS_MAX * 8 }; /* more than the rows can need */

/* Builder */

void *build_take(struct builder *b, size_t size)
{
    void *data = b->rc ? NULL : buffers_take(b->parts->buffers, size);

    if (!b->rc && !data)
        b->rc = refuse(b->why, ENOMEM,
                       "out of memory for %d pictures of %d pixels a side",
                       b->plan->n, b->parts->image_size);
    return data;
}

void build_give(struct builder *b, const void *data)
{
    if (!b->rc)
        buffers_give(b->parts->buffers, data);
}

static struct dnn_tensor bind(struct builder *b, const struct dnn_layout *l)
{
    if (!l && !b->rc)
        b->rc = refuse(b->why, ENOMEM, "out of memory for a layout");
    if (b->rc)
        return (struct dnn_tensor){0};
    return (struct dnn_tensor){l, build_take(b, dnn_layout_size(l))};
}

struct dnn_tensor build_activation(struct builder *b, int row)
{
    return bind(b,
                dnn_activation(b->parts->dnn, b->plan->n,
                               build_layer(b, row)->out, build_side(b, row)));
}

struct dnn_tensor build_input(struct builder *b, int row)
{
    int from = build_layer(b, row)->input;

    return from < 0 ? b->image : b->made[from].result;
}

struct dnn_tensor build_features(struct builder *b, int row, float *data)
{
    int64_t dim[] = {b->plan->n, build_layer(b, row)->out, 1, 1};

    return (struct dnn_tensor){dnn_plain(b->parts->dnn, DNN_F32, 4, dim), data};
}

struct step *build_step(struct builder *b)
{
    if (b->plan->count == STEPS_MAX)
        abort(); /* the table has outgrown the constant */
    return &b->plan->step[b->plan->count++];
}

void build_op(struct builder *b, int rc, struct dnn_op **op)
{
    if (rc && !b->rc)
        b->rc = rc;
    if (!rc)
        build_step(b)->op = *op;
}

static void own_winograd(const struct step *s)
{
    winograd(&s->winograd);
}

void build_winograd(struct builder *b, const struct dnn_conv *c,
                    struct winograd w)
{
    w.n = c->n;
    w.in = c->in;
    w.out = c->out;
    w.side = c->side;
    w.threads = omp_get_max_threads();
    w.work = build_take(b, winograd_work(&w));
    build_give(b, w.work);
    *build_step(b) = (struct step){.own = own_winograd, .winograd = w};
}

struct dnn_pooling build_pooling(const struct builder *b, int row)
{
    const struct layer *l = build_layer(b, row);
    int side = build_side(b, l->input);
    bool most = l->kind == LAYER_MAX_POOL;

    return (struct dnn_pooling){.kind = most ? DNN_POOL_MAX : DNN_POOL_MEAN,
                                .side = side,
                                .kernel = most ? l->kernel : side,
                                .stride = most ? l->stride : 1,
                                .pad = l->padding,
                                .n = b->plan->n,
                                .channels = l->out};
}

/* Pictures come in f32 and row-major; the first convolution may want them
 * otherwise. */
static void build_image(struct builder *b)
{
    const struct plan_parts *p = b->parts;
    struct dnn_conv c = build_conv(b, 0);
    struct dnn_conv_layouts wanted = {0};
    struct dnn_op *op = NULL;

    b->rc = dnn_conv_choose(p->dnn, &c, b->plan->training, &wanted, b->why);
    struct dnn_tensor plain =
        bind(b, dnn_plain(p->dnn, DNN_F32, 4,
                          (int64_t[]){c.n, c.in, c.side, c.side}));
    b->plan->image = plain.data;
    b->image = plain;
    if (b->rc || dnn_layout_same(plain.layout, wanted.source))
        return;
    b->image = bind(b, wanted.source);
    if (!b->rc)
        build_op(b, dnn_copy(&op, p->dnn, plain, b->image, b->why), &op);
}

static void count_readers(struct builder *b)
{
    for (int r = 0; r < b->parts->resnet->layers; r++) {
        const struct layer *l = build_layer(b, r);
        if (l->input >= 0)
            b->made[l->input].readers++;
        if (l->shortcut >= 0)
            b->made[l->shortcut].readers++;
    }
}

static int build(const struct plan_parts *parts, struct plan *plan,
                 struct reason *why)
{
    struct builder b = {.parts = parts, .plan = plan, .why = why};
    size_t logits = (size_t)plan->n * parts->classes * sizeof(float);

    buffers_give_all(parts->buffers);
    count_readers(&b);
    plan->logits = build_take(&b, logits);
    if (!b.rc)
        build_image(&b);
    if (plan->training)
        build_training(&b);
    else
        build_inference(&b);
    return b.rc;
}

/* Life cycle */

int plan_open(struct plan **out, const struct plan_parts *parts, int n,
              bool training, struct reason *why)
{
    struct plan *p = calloc(1, sizeof *p);
    struct step *steps = calloc(STEPS_MAX, sizeof *steps);

    if (!p || !steps) {
        free(p);
        free(steps);
        return refuse(why, ENOMEM, "out of memory for the network's steps");
    }
    *p = (struct plan){.n = n, .training = training, .step = steps};
    int rc = build(parts, p, why);
    if (rc)
        plan_free(p);
    else
        *out = p;
    return rc;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->count; i++)
        dnn_op_free(p->step[i].op);
    free(p->step);
    free(p);
}

/* Change */

int plan_run(const struct plan *p, struct dnn *dnn, int first, int last,
             struct reason *why)
{
    int rc = 0;

    for (int i = first; !rc && i < last; i++) {
        const struct step *s = &p->step[i];
        if (s->op)
            rc = dnn_run(dnn, s->op, why);
        else
            s->own(s);
    }
    return rc;
}
