#include "trainer/dnn/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 4 }; /* side of oneDNN's Winograd tiles */

struct shape {
    dnnl_alg_kind_t algorithm;
    dnnl_dims_t stride, pad;
    dnnl_memory_desc_t source, kernel, bias, result, gradient;
};

int dnn_conv_side(const struct dnn_conv *c)
{
    return (c->side + 2 * c->pad - c->kernel) / c->stride + 1;
}

bool dnn_conv_in_tiles(const struct dnn *d, const struct dnn_conv *c)
{
    int side = dnn_conv_side(c), whole = (side + TILE - 1) / TILE * TILE;
    return d->compute == dnnl_f32 && dnn_cpu_has(dnnl_cpu_isa_avx512_core) &&
           c->kernel == 3 && c->stride == 1 && c->in % 16 == 0 &&
           c->out % 16 == 0 && 2 * side * side > whole * whole;
}

/* Describes a convolution in the compute type. oneDNN may choose the layouts of
 * kernels and of a source with 3 channels; activations have the network's
 * layout.
 */
static void shape_init(struct shape *s, const struct dnn *d,
                       const struct dnn_conv *c)
{
    dnnl_dims_t kernel = {c->out, c->in, c->kernel, c->kernel};
    dnnl_dims_t image = {c->n, c->in, c->side, c->side}, out = {c->out};
    s->algorithm = dnn_conv_in_tiles(d, c) ? dnnl_convolution_winograd
                                           : dnnl_convolution_direct;
    s->stride[0] = s->stride[1] = c->stride;
    s->pad[0] = s->pad[1] = c->pad;
    s->source = c->in % 8 ? dnn_md(4, image, d->compute, dnnl_format_tag_any)
                          : dnn_activation_md(d, c->n, c->in, c->side);
    s->kernel = dnn_md(4, kernel, d->compute, dnnl_format_tag_any);
    s->gradient = dnn_md(4, kernel, dnnl_f32, dnnl_format_tag_any);
    s->bias = dnn_md(1, out, dnnl_f32, dnnl_a);
    s->result = dnn_activation_md(d, c->n, c->out, dnn_conv_side(c));
}

/* For inference, oneDNN would want kernels that are already transformed for
 * Winograd's algorithm. They are four times as large, while transforming them
 * in each step takes only a twentieth of its time: so Winograd's algorithm
 * always gets the kind for training. */
static dnnl_status_t forward_desc(dnnl_convolution_desc_t *desc,
                                  const struct shape *s, bool training)
{
    bool whole = training || s->algorithm == dnnl_convolution_winograd;
    return dnnl_convolution_forward_desc_init(
        desc, whole ? dnnl_forward_training : dnnl_forward_inference,
        s->algorithm, &s->source, &s->kernel, training ? NULL : &s->bias,
        &s->result, s->stride, s->pad, s->pad);
}

static dnnl_status_t back_data_desc(dnnl_convolution_desc_t *desc,
                                    const struct shape *s)
{
    return dnnl_convolution_backward_data_desc_init(
        desc, s->algorithm, &s->source, &s->kernel, &s->result, s->stride,
        s->pad, s->pad);
}

static dnnl_status_t back_kernel_desc(dnnl_convolution_desc_t *desc,
                                      const struct shape *s)
{
    return dnnl_convolution_backward_weights_desc_init(
        desc, s->algorithm, &s->source, &s->gradient, NULL, &s->result,
        s->stride, s->pad, s->pad);
}

/* Asks which layout oneDNN has chosen for the "any" in desc at `query`. */
static int ask(struct dnn *d, const dnnl_convolution_desc_t *desc,
               const_dnnl_primitive_desc_t hint, dnnl_query_t query,
               const struct dnn_layout **out, struct reason *why)
{
    dnnl_primitive_desc_t pd;
    dnnl_status_t s = dnn_describe(&pd, d, desc, NULL, hint);
    if (s)
        return dnn_refuse(why, s, "convolution of this shape");
    *out = dnn_layout_keep(d, dnnl_primitive_desc_query_md(pd, query, 0));
    dnnl_primitive_desc_destroy(pd);
    return *out ? 0 : refuse(why, ENOMEM, "out of memory for a layout");
}

/* Whether oneDNN has only its slow reference code for a kernel's gradient in
 * these layouts. This is so in version 2.6 on AVX2 if the picture is smaller
 * than the kernel. */
static bool back_kernel_is_slow(struct dnn *d, const struct shape *s,
                                const_dnnl_primitive_desc_t hint)
{
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd;
    const char *name = "";
    back_kernel_desc(&desc, s);
    if (dnn_describe(&pd, d, &desc, NULL, hint))
        return false;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    bool slow = !strncmp(name, "ref", 3);
    dnnl_primitive_desc_destroy(pd);
    return slow;
}

/* Returns a copy of the shape for which oneDNN may also choose the layouts of
 * the activations. */
static struct shape shape_free(const struct shape *s)
{
    struct shape f = *s;
    f.source =
        dnn_md(4, s->source.dims, s->source.data_type, dnnl_format_tag_any);
    f.result =
        dnn_md(4, s->result.dims, s->result.data_type, dnnl_format_tag_any);
    return f;
}

/* Whether all of the kernel except its centre falls on padding. Then
 * dnn_conv_back_kernel() computes the kernel's gradient as that of a 1 x 1
 * convolution. */
static bool centre_only(const struct dnn_conv *c)
{
    return c->side == 1 && c->kernel > 1 && c->kernel == 2 * c->pad + 1;
}

/* Chooses the layouts for the way back, given that of the forward kernel. */
static int ask_back(struct dnn *d, struct shape *s, const struct dnn_conv *c,
                    const dnnl_convolution_desc_t *forward,
                    struct dnn_conv_layouts *out, struct reason *why)
{
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t hint;
    int err = 0;
    if (dnn_describe(&hint, d, forward, NULL, NULL))
        return refuse(why, EINVAL, "oneDNN refuses a convolution");
    back_kernel_desc(&desc, s);
    if (centre_only(c)) {
        dnnl_memory_desc_t master = out->forward->md;
        master.data_type = dnnl_f32;
        out->master = dnn_layout_keep(d, &master);
    } else {
        struct shape free = shape_free(s);
        if (back_kernel_is_slow(d, s, hint))
            back_kernel_desc(&desc, &free);
        err =
            ask(d, &desc, hint, dnnl_query_diff_weights_md, &out->master, why);
    }
    if (!err && c->in % 8 == 0) {
        back_data_desc(&desc, s);
        err = ask(d, &desc, hint, dnnl_query_weights_md, &out->back, why);
    }
    dnnl_primitive_desc_destroy(hint);
    return err;
}

int dnn_conv_choose(struct dnn *d, const struct dnn_conv *c, bool training,
                    struct dnn_conv_layouts *out, struct reason *why)
{
    struct shape s;
    dnnl_convolution_desc_t forward;
    int err;
    *out = (struct dnn_conv_layouts){0};
    shape_init(&s, d, c);
    dnnl_status_t status = forward_desc(&forward, &s, training);
    if (status)
        return dnn_refuse(why, status, "convolution of this shape");
    err = ask(d, &forward, NULL, dnnl_query_src_md, &out->source, why);
    if (!err)
        err = ask(d, &forward, NULL, dnnl_query_weights_md, &out->forward, why);
    if (err || !training)
        return err;
    s.source = out->source->md;
    return ask_back(d, &s, c, &forward, out, why);
}

int dnn_conv_train(struct dnn_op **out, struct dnn *d, const struct dnn_conv *c,
                   struct dnn_tensor source, struct dnn_tensor kernel,
                   struct dnn_tensor result, struct reason *why)
{
    struct shape s;
    dnnl_convolution_desc_t desc;
    shape_init(&s, d, c);
    s.source = source.layout->md;
    s.kernel = kernel.layout->md;
    forward_desc(&desc, &s, true);
    struct dnn_recipe r = {.name = "convolution",
                           .desc = &desc,
                           .args = {{DNNL_ARG_SRC, source},
                                    {DNNL_ARG_WEIGHTS, kernel},
                                    {DNNL_ARG_DST, result}},
                           .count = 3};
    return dnn_op_cook(out, d, &r, why);
}

static dnnl_status_t append_activation(dnnl_post_ops_t ops,
                                       enum activation activation)
{
    static const dnnl_alg_kind_t kinds[] = {
        [ACTIVATION_RELU] = dnnl_eltwise_relu,
        [ACTIVATION_HARD_SWISH] = dnnl_eltwise_hardswish,
    };
    return dnnl_post_ops_append_eltwise(ops, 1.0f, kinds[activation], 0, 0);
}

static dnnl_status_t attr_fused(dnnl_primitive_attr_t *out, const struct dnn *d,
                                bool sum, enum activation activation)
{
    dnnl_post_ops_t ops;
    dnnl_status_t s = dnnl_post_ops_create(&ops);
    if (s)
        return s;
    if (sum)
        s = dnnl_post_ops_append_sum(ops, 1.0f);
    if (!s && activation != ACTIVATION_NONE)
        s = append_activation(ops, activation);
    if (!s)
        s = dnnl_primitive_attr_clone(out, d->attr);
    if (!s)
        s = dnnl_primitive_attr_set_post_ops(*out, ops);
    dnnl_post_ops_destroy(ops);
    return s;
}

int dnn_conv_infer(struct dnn_op **out, struct dnn *d,
                   const struct dnn_conv_infer *c, struct reason *why)
{
    struct shape s;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_attr_t attr = NULL;
    shape_init(&s, d, &c->conv);
    s.source = c->source.layout->md;
    s.kernel = c->kernel.layout->md;
    forward_desc(&desc, &s, false);
    dnnl_status_t status = attr_fused(&attr, d, c->sum, c->activation);
    struct dnn_recipe r = {.name = "fused convolution",
                           .desc = &desc,
                           .attr = attr,
                           .args = {{DNNL_ARG_SRC, c->source},
                                    {DNNL_ARG_WEIGHTS, c->kernel},
                                    {DNNL_ARG_BIAS, c->bias},
                                    {DNNL_ARG_DST, c->result}},
                           .count = 4};
    int err =
        status ? dnn_refuse(why, status, r.name) : dnn_op_cook(out, d, &r, why);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return err;
}

int dnn_conv_back_data(struct dnn_op **out, struct dnn *d,
                       const struct dnn_conv *c, struct dnn_tensor d_source,
                       struct dnn_tensor kernel, struct dnn_tensor d_result,
                       struct reason *why)
{
    struct shape s;
    dnnl_convolution_desc_t forward, desc;
    shape_init(&s, d, c);
    forward_desc(&forward, &s, true);
    s.kernel = kernel.layout->md;
    back_data_desc(&desc, &s);
    struct dnn_recipe r = {.name = "backward convolution",
                           .desc = &desc,
                           .args = {{DNNL_ARG_DIFF_SRC, d_source},
                                    {DNNL_ARG_WEIGHTS, kernel},
                                    {DNNL_ARG_DIFF_DST, d_result}},
                           .count = 3};
    return dnn_op_cook_back(out, d, &r, &forward, why);
}

/* Makes an op that copies `from` into memory of its own. */
static int copy_op(struct dnn_op **out, struct dnn *d, struct dnn_tensor from,
                   const dnnl_memory_desc_t *md, struct dnn_tensor *to,
                   struct reason *why)
{
    to->layout = dnn_layout_keep(d, md);
    to->data = to->layout ? dnn_alloc(dnn_layout_size(to->layout)) : NULL;
    if (!to->data)
        return refuse(why, ENOMEM, "out of memory for a copy");
    int err = dnn_copy(out, d, from, *to, why);
    if (err)
        free(to->data);
    else
        (*out)->between = to->data;
    return err;
}

/* Asks which layouts oneDNN chooses for source and result if it may. */
static int free_layouts(struct dnn *d, const struct shape *s,
                        const_dnnl_primitive_desc_t hint,
                        dnnl_memory_desc_t *source, dnnl_memory_desc_t *result,
                        struct reason *why)
{
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd;
    back_kernel_desc(&desc, s);
    dnnl_status_t status = dnn_describe(&pd, d, &desc, NULL, hint);
    if (status)
        return dnn_refuse(why, status, "convolution of this shape");
    *source = *dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0);
    *result = *dnnl_primitive_desc_query_md(pd, dnnl_query_diff_dst_md, 0);
    dnnl_primitive_desc_destroy(pd);
    return 0;
}

/* Makes ops for the kernel's gradient that first copy the activations into
 * other layouts, for when there is only slow code for the network's layout. */
static int copied_op(struct dnn_op **out, struct dnn *d, struct shape *s,
                     const_dnnl_primitive_desc_t hint, struct dnn_tensor source,
                     struct dnn_tensor d_kernel, struct dnn_tensor d_result,
                     struct reason *why)
{
    dnnl_memory_desc_t source_md, result_md;
    dnnl_convolution_desc_t desc;
    struct dnn_tensor x, d_y;
    int err = free_layouts(d, s, hint, &source_md, &result_md, why);
    if (!err)
        err = copy_op(out, d, source, &source_md, &x, why);
    if (err)
        return err;
    err = copy_op(&(*out)->then, d, d_result, &result_md, &d_y, why);
    back_kernel_desc(&desc, s);
    struct dnn_recipe r = {.name = "backward convolution",
                           .desc = &desc,
                           .hint = hint,
                           .args = {{DNNL_ARG_SRC, x},
                                    {DNNL_ARG_DIFF_WEIGHTS, d_kernel},
                                    {DNNL_ARG_DIFF_DST, d_y}},
                           .count = 3};
    if (!err)
        err = dnn_op_cook(&(*out)->then->then, d, &r, why);
    if (err) {
        dnn_op_free(*out);
        *out = NULL;
    }
    return err;
}

static int back_kernel_op(struct dnn_op **out, struct dnn *d,
                          const struct dnn_conv *c, struct dnn_tensor source,
                          struct dnn_tensor d_kernel,
                          struct dnn_tensor d_result, struct reason *why)
{
    struct shape s;
    dnnl_convolution_desc_t forward, desc;
    shape_init(&s, d, c);
    s.source = source.layout->md;
    forward_desc(&forward, &s, true);
    s.gradient = d_kernel.layout->md;
    dnnl_primitive_desc_t hint;
    dnnl_status_t status = dnn_describe(&hint, d, &forward, NULL, NULL);
    if (status)
        return dnn_refuse(why, status, "backward convolution");
    struct shape blocked = s, free = shape_free(&s);
    blocked.gradient.format_kind = dnnl_format_kind_any;
    if (back_kernel_is_slow(d, &blocked, hint)) {
        int err =
            copied_op(out, d, &free, hint, source, d_kernel, d_result, why);
        dnnl_primitive_desc_destroy(hint);
        return err;
    }
    dnnl_primitive_desc_destroy(hint);
    back_kernel_desc(&desc, &s);
    struct dnn_recipe r = {.name = "backward convolution",
                           .desc = &desc,
                           .args = {{DNNL_ARG_SRC, source},
                                    {DNNL_ARG_DIFF_WEIGHTS, d_kernel},
                                    {DNNL_ARG_DIFF_DST, d_result}},
                           .count = 3};
    return dnn_op_cook_back(out, d, &r, &forward, why);
}

/* Makes an op for the gradient of the kernel's centre, as that of a 1 x 1
 * kernel.
 */
static int centre_op(struct dnn_op **out, struct dnn *d,
                     const struct dnn_conv *c, struct dnn_tensor source,
                     struct dnn_tensor d_result, struct dnn_tensor *centre,
                     struct reason *why)
{
    struct dnn_conv one = {.n = c->n,
                           .in = c->in,
                           .out = c->out,
                           .side = 1,
                           .kernel = 1,
                           .stride = 1};
    struct dnn_conv_layouts layouts;
    int err = dnn_conv_choose(d, &one, true, &layouts, why);
    if (err)
        return err;
    centre->layout = layouts.master;
    centre->data = dnn_alloc(dnn_layout_size(layouts.master));
    if (!centre->data)
        return refuse(why, ENOMEM, "out of memory for a gradient");
    err = back_kernel_op(out, d, &one, source, *centre, d_result, why);
    if (err)
        free(centre->data);
    else
        (*out)->between = centre->data;
    return err;
}

int dnn_conv_back_kernel(struct dnn_op **out, struct dnn *d,
                         const struct dnn_conv *c, struct dnn_tensor source,
                         struct dnn_tensor d_kernel, struct dnn_tensor d_result,
                         struct reason *why)
{
    dnnl_dims_t one = {c->out, c->in, 1, 1}, at = {0, 0, c->pad, c->pad};
    dnnl_memory_desc_t inside;
    struct dnn_tensor centre;
    if (!centre_only(c))
        return back_kernel_op(out, d, c, source, d_kernel, d_result, why);
    dnnl_status_t s =
        dnnl_memory_desc_init_submemory(&inside, &d_kernel.layout->md, one, at);
    if (s)
        return dnn_refuse(why, s, "the centre of a kernel");
    int err = centre_op(out, d, c, source, d_result, &centre, why);
    if (err)
        return err;
    /* The rest of d_kernel has been 0 since its allocation. */
    struct dnn_tensor to = {dnn_layout_keep(d, &inside), d_kernel.data};
    err = to.layout ? dnn_copy(&(*out)->then, d, centre, to, why)
                    : refuse(why, ENOMEM, "out of memory for a layout");
    if (err) {
        dnn_op_free(*out);
        *out = NULL;
    }
    return err;
}
