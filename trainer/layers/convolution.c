/* A convolution without bias, followed by batch normalisation, perhaps the
 * addition of a shortcut, and perhaps an activation.
 *
 * In training, the convolution is one step, and all the rest another (norm.h).
 * In evaluation, the normalisation is folded into the kernel (kernels.h), and
 * the convolution itself adds the shortcut and applies the activation.
 * kernels.c chooses the code that computes a convolution. */
#include "trainer/files/graph.h"
#include "trainer/layers/normed.h"
#include "trainer/loops/kernel_gradient.h"
#include "trainer/loops/winograd.h"
#include "trainer/loops/winograd_f32.h"
#include "trainer/net/plan_build.h"

#include <omp.h>

static struct dnn_conv conv_of(const struct builder *b, int row)
{
    return kernel_shape(build_layer(b, row), b->plan->n,
                        build_side(b, build_from(b, row)));
}

static const struct kernel *kernel_of(const struct builder *b, int row)
{
    return &b->parts->kernels->row[row];
}

/* Whether the steps of the next row normalise this row's result, which is then
 * left as the convolution made it. */
static bool is_normalised_next(const struct builder *b, int row)
{
    return row < network_head(b->parts->network) &&
           build_from(b, row + 1) == row &&
           layer_type(build_layer(b, row + 1))->normalises_input;
}

/* Forms of the kernel, made right before they are used */

static const float *kernel_master(const struct builder *b, int row)
{
    return weights_value(b->parts->weights, row, WEIGHT_KERNEL);
}

/* The kernel in a layout: a copy, which is valid until the next one is made, or
 * the master itself if it has this layout. */
static struct dnn_tensor kernel_in(struct builder *b, int row,
                                   const struct dnn_layout *layout)
{
    struct dnn_tensor master = {
        kernel_of(b, row)->layouts.master,
        weights_value(b->parts->weights, row, WEIGHT_KERNEL),
    };
    struct dnn_tensor form = {layout, b->parts->kernels->form};
    struct dnn_op *op = NULL;
    if (b->err || dnn_layout_same(layout, master.layout))
        return master;
    build_op(b, dnn_copy(&op, b->parts->dnn, master, form, b->why), &op);
    return form;
}

static void run_winograd_kernel(const void *form)
{
    winograd_kernel(form);
}

static const uint16_t *kernel_for_winograd(struct builder *b, int row,
                                           bool back)
{
    const struct layer *l = build_layer(b, row);
    const struct winograd_kernel form = {.in = l->in,
                                         .out = l->out,
                                         .master = kernel_master(b, row),
                                         .back = back,
                                         .to = b->parts->kernels->form};
    build_own(b, run_winograd_kernel, &form, sizeof form);
    return form.to;
}

static void run_winograd(const void *w)
{
    winograd(w);
}

/* Adds a convolution by winograd.h; `w` has its pointers. */
static void build_winograd(struct builder *b, const struct dnn_conv *c,
                           struct winograd w)
{
    w.n = c->n;
    w.in = c->in;
    w.out = c->out;
    w.side = c->side;
    w.threads = omp_get_max_threads();
    w.work = build_take(b, winograd_work(&w));
    build_give(b, w.work);
    build_own(b, run_winograd, &w, sizeof w);
}

static void run_winograd_f32(const void *w)
{
    winograd_f32(w);
}

/* Adds a convolution by winograd_f32.h; `w` has its pointers. */
static void build_winograd_f32(struct builder *b, const struct dnn_conv *c,
                               struct winograd_f32 w)
{
    w.n = c->n;
    w.in = c->in;
    w.out = c->out;
    w.side = c->side;
    w.threads = omp_get_max_threads();
    w.form = b->parts->kernels->form;
    w.work = build_take(b, winograd_f32_work(&w));
    build_give(b, w.work);
    build_own(b, run_winograd_f32, &w, sizeof w);
}

/* Forward */

static void forward_product(struct builder *b, int row, struct dnn_tensor x)
{
    struct dnn_conv c = conv_of(b, row);
    struct dnn_tensor in = build_input(b, row);
    struct dnn_op *op = NULL;
    if (kernel_of(b, row)->winograd) {
        const uint16_t *kernel = kernel_for_winograd(b, row, false);
        build_winograd(b, &c,
                       (struct winograd){.source = in.data,
                                         .kernel = kernel,
                                         .result = x.data});
        return;
    }
    if (kernel_of(b, row)->winograd_f32) {
        build_winograd_f32(
            b, &c,
            (struct winograd_f32){.source = in.data,
                                  .kernel = kernel_master(b, row),
                                  .result = x.data});
        return;
    }
    struct dnn_tensor kernel =
        kernel_in(b, row, kernel_of(b, row)->layouts.forward);
    build_op(b, dnn_conv_train(&op, b->parts->dnn, &c, in, kernel, x, b->why),
             &op);
}

static void forward(struct builder *b, int row)
{
    struct dnn_tensor x = build_activation(b, row);
    bool norm = !is_normalised_next(b, row);
    if (b->err)
        return;
    forward_product(b, row, x);
    normed_forget(b, build_from(b, row));
    b->made[row].result = norm ? build_activation(b, row) : x;
    if (norm && !b->err)
        normed_forward(b, row, x.data);
}

/* Backward */

static void run_kernel_gradient(const void *g)
{
    kernel_gradient(g);
}

static void gradient_by_loops(struct builder *b, int row,
                              const struct dnn_conv *c, const void *d_x)
{
    struct kernel_gradient g = kernel_gradient_of(b->parts->dnn, c);
    g.source = build_input(b, row).data;
    g.d_result = d_x;
    g.d_kernel = weights_gradient(b->parts->weights, row, WEIGHT_KERNEL);
    if (g.bf16) {
        g.work = build_take(b, kernel_gradient_work(&g) * sizeof *g.work);
        build_give(b, g.work);
    }
    build_own(b, run_kernel_gradient, &g, sizeof g);
}

static void run_winograd_gradient(const void *g)
{
    winograd_gradient(g);
}

static void gradient_by_winograd(struct builder *b, int row,
                                 const struct dnn_conv *c, const void *d_x)
{
    struct winograd_gradient g = {
        .n = c->n,
        .in = c->in,
        .out = c->out,
        .side = c->side,
        .bf16 = b->parts->bf16,
        .source = build_input(b, row).data,
        .d_result = d_x,
        .d_kernel = weights_gradient(b->parts->weights, row, WEIGHT_KERNEL),
    };
    g.work = build_take(b, winograd_gradient_work(&g));
    build_give(b, g.work);
    build_own(b, run_winograd_gradient, &g, sizeof g);
}

static void run_winograd_f32_gradient(const void *g)
{
    winograd_f32_gradient(g);
}

static void gradient_by_winograd_f32(struct builder *b, int row,
                                     const struct dnn_conv *c, const void *d_x)
{
    struct winograd_f32_gradient g = {
        .n = c->n,
        .in = c->in,
        .out = c->out,
        .side = c->side,
        .source = build_input(b, row).data,
        .d_result = d_x,
        .d_kernel = weights_gradient(b->parts->weights, row, WEIGHT_KERNEL),
        .form = b->parts->kernels->form,
    };
    g.work = build_take(b, winograd_f32_gradient_work(&g));
    build_give(b, g.work);
    build_own(b, run_winograd_f32_gradient, &g, sizeof g);
}

static void backward_kernel(struct builder *b, int row, struct dnn_tensor d_x)
{
    struct dnn_conv c = conv_of(b, row);
    struct dnn_op *op = NULL;
    struct dnn_tensor d_kernel = {
        kernel_of(b, row)->layouts.master,
        weights_gradient(b->parts->weights, row, WEIGHT_KERNEL),
    };
    if (kernel_of(b, row)->winograd_f32) {
        gradient_by_winograd_f32(b, row, &c, d_x.data);
        return;
    }
    switch (kernel_of(b, row)->gradient) {
    case BY_WINOGRAD:
        gradient_by_winograd(b, row, &c, d_x.data);
        return;
    case BY_LOOPS:
        gradient_by_loops(b, row, &c, d_x.data);
        return;
    case BY_ONEDNN:
        break;
    }
    build_op(b,
             dnn_conv_back_kernel(&op, b->parts->dnn, &c, build_input(b, row),
                                  d_kernel, d_x, b->why),
             &op);
}

static void backward_data(struct builder *b, int row, struct dnn_tensor d_x)
{
    int from = build_from(b, row);
    struct dnn_conv c = conv_of(b, row);
    struct dnn_op *op = NULL;
    struct dnn_tensor d_in = build_activation(b, from);
    if (b->err)
        return;
    build_leave(b, from, d_in.data);
    if (kernel_of(b, row)->winograd) {
        const uint16_t *turned = kernel_for_winograd(b, row, true);
        struct dnn_conv back = c;
        back.in = c.out;
        back.out = c.in;
        build_winograd(b, &back,
                       (struct winograd){.source = d_x.data,
                                         .kernel = turned,
                                         .result = d_in.data});
        return;
    }
    if (kernel_of(b, row)->winograd_f32) {
        struct dnn_conv back = c;
        back.in = c.out;
        back.out = c.in;
        build_winograd_f32(
            b, &back,
            (struct winograd_f32){.source = d_x.data,
                                  .kernel = kernel_master(b, row),
                                  .back = true,
                                  .result = d_in.data});
        return;
    }
    struct dnn_tensor kernel =
        kernel_in(b, row, kernel_of(b, row)->layouts.back);
    build_op(
        b,
        dnn_conv_back_data(&op, b->parts->dnn, &c, d_in, kernel, d_x, b->why),
        &op);
}

static void backward(struct builder *b, int row)
{
    struct made *made = &b->made[row];
    struct dnn_tensor d_x = {made->result.layout, made->gradient[0]};
    if (!is_normalised_next(b, row))
        d_x = normed_backward(b, row);
    normed_remake(b, build_from(b, row));
    if (!b->err)
        backward_kernel(b, row, d_x);
    normed_forget(b, build_from(b, row));
    if (!b->err && build_from(b, row) >= 0) /* pictures need no gradient */
        backward_data(b, row, d_x);
    build_give(b, d_x.data);
}

/* Evaluation */

static void infer(struct builder *b, int row)
{
    const struct layer *l = build_layer(b, row);
    const struct kernel *k = kernel_of(b, row);
    int shortcut = network_shortcut(b->parts->network, row);
    struct made *made = &b->made[row];
    struct dnn_op *op = NULL;
    struct dnn_conv_infer c = {.conv = conv_of(b, row),
                               .source = build_input(b, row),
                               .kernel = k->folded,
                               .bias = k->bias,
                               .sum = shortcut >= 0,
                               .activation = l->activation};
    /* oneDNN adds to the result in place. This row is the last one to read the
     * shortcut, so that the result may overwrite it. */
    made->result = c.sum ? b->made[shortcut].result : build_activation(b, row);
    if (b->err)
        return;
    c.result = made->result;
    if (k->winograd)
        build_winograd(
            b, &c.conv,
            (struct winograd){.source = c.source.data,
                              .kernel = c.kernel.data,
                              .bias = c.bias.data,
                              .sum = c.sum,
                              .relu = c.activation == ACTIVATION_RELU,
                              .result = c.result.data});
    else if (k->winograd_f32)
        build_winograd_f32(
            b, &c.conv,
            (struct winograd_f32){.source = c.source.data,
                                  .kernel = c.kernel.data,
                                  .bias = c.bias.data,
                                  .sum = c.sum,
                                  .relu = c.activation == ACTIVATION_RELU,
                                  .result = c.result.data});
    else
        build_op(b, dnn_conv_infer(&op, b->parts->dnn, &c, b->why), &op);
    build_read_once(b, build_from(b, row));
}

/* Export */

static const char *onnx(struct graph *g, const struct layer *l,
                        const char *input, const char *shortcut)
{
    const char *kernel = graph_weight(g, l, WEIGHT_KERNEL);
    const char *x =
        graph_node(g, "Conv", l->name, "", GRAPH_NAMES(input, kernel));
    graph_window(g, l);
    x = graph_norm(g, l, x);
    if (shortcut)
        x = graph_node(g, "Add", l->norm, ".add", GRAPH_NAMES(x, shortcut));
    return graph_activation(g, l, l->norm, x);
}

const struct layer_type layer_convolution = {
    .kind = "convolution",
    .side = layer_window_side,
    .start = normed_start,
    .forward = forward,
    .backward = backward,
    .infer = infer,
    .onnx = onnx,
};
