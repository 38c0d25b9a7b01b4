#include "trainer/net/plan.h"

#include "trainer/net/plan_build.h"

#include <errno.h>
#include <stdlib.h>

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
        build_tensor(b, dnn_plain(p->dnn, DNN_F32, 4,
                                  (int64_t[]){c.n, c.in, c.side, c.side}));
    b->plan->image = plain.data;
    b->image = plain;
    if (b->rc || dnn_layout_same(plain.layout, wanted.source))
        return;
    b->image = build_tensor(b, wanted.source);
    if (!b->rc)
        build_op(b, dnn_copy(&op, p->dnn, plain, b->image, b->why), &op);
}

static void count_readers(struct builder *b)
{
    for (int r = 0; r < b->parts->network->layers; r++) {
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
