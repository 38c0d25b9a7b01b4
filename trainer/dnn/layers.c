/* Pooling and the head. */
#include "trainer/dnn/inside.h"

#include <errno.h>

/* Pooling */

static int pooling_side(const struct dnn_pooling *p)
{
    return (p->side + 2 * p->pad - p->kernel) / p->stride + 1;
}

static dnnl_alg_kind_t pool_algorithm(const struct dnn_pooling *p)
{
    return p->kind == DNN_POOL_MAX ? dnnl_pooling_max
                                   : dnnl_pooling_avg_exclude_padding;
}

static dnnl_status_t pool_desc(dnnl_pooling_desc_t *desc, const struct dnn *d,
                               const struct dnn_pooling *p)
{
    dnnl_dims_t kernel = {p->kernel, p->kernel}, pad = {p->pad, p->pad};
    dnnl_dims_t stride = {p->stride, p->stride};
    dnnl_memory_desc_t in = dnn_activation_md(d, p->n, p->channels, p->side);
    dnnl_memory_desc_t out =
        dnn_activation_md(d, p->n, p->channels, pooling_side(p));
    return dnnl_pooling_forward_desc_init(desc, dnnl_forward_inference,
                                          pool_algorithm(p), &in, &out, stride,
                                          kernel, pad, pad);
}

int dnn_pool(struct dnn_op **out, struct dnn *d, const struct dnn_pooling *p,
             struct dnn_tensor source, struct dnn_tensor result,
             struct reason *why)
{
    dnnl_pooling_desc_t desc;
    pool_desc(&desc, d, p);
    struct dnn_recipe r = {
        .name = "pooling",
        .desc = &desc,
        .args = {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, result}},
        .count = 2};
    return dnn_op_cook(out, d, &r, why);
}

int dnn_pool_back(struct dnn_op **out, struct dnn *d,
                  const struct dnn_pooling *p, struct dnn_tensor d_source,
                  struct dnn_tensor d_result, struct reason *why)
{
    dnnl_dims_t kernel = {p->kernel, p->kernel}, pad = {p->pad, p->pad};
    dnnl_dims_t stride = {p->stride, p->stride};
    dnnl_pooling_desc_t forward, desc;
    pool_desc(&forward, d, p);
    dnnl_pooling_backward_desc_init(&desc, pool_algorithm(p),
                                    &d_source.layout->md, &d_result.layout->md,
                                    stride, kernel, pad, pad);
    struct dnn_recipe r = {
        .name = "backward pooling",
        .desc = &desc,
        .args = {{DNNL_ARG_DIFF_SRC, d_source}, {DNNL_ARG_DIFF_DST, d_result}},
        .count = 2};
    return dnn_op_cook_back(out, d, &r, &forward, why);
}

/* The head */

struct head_layouts {
    const struct dnn_layout *source, *weight, *bias, *result;
};

static int head_layouts(struct head_layouts *l, struct dnn *d,
                        const struct dnn_head *h, struct reason *why)
{
    *l = (struct head_layouts){
        dnn_plain(d, DNN_F32, 2, (int64_t[]){h->n, h->in}),
        dnn_plain(d, DNN_F32, 2, (int64_t[]){h->out, h->in}),
        dnn_plain(d, DNN_F32, 1, (int64_t[]){h->out}),
        dnn_plain(d, DNN_F32, 2, (int64_t[]){h->n, h->out}),
    };
    if (!l->source || !l->weight || !l->bias || !l->result)
        return refuse(why, ENOMEM, "out of memory for a layout");
    return 0;
}

static void head_forward_desc(dnnl_inner_product_desc_t *desc,
                              const struct head_layouts *l, bool training)
{
    dnnl_inner_product_forward_desc_init(
        desc, training ? dnnl_forward_training : dnnl_forward_inference,
        &l->source->md, &l->weight->md, &l->bias->md, &l->result->md);
}

int dnn_head(struct dnn_op **out, struct dnn *d, const struct dnn_head *h,
             bool training, struct reason *why)
{
    dnnl_inner_product_desc_t desc;
    struct head_layouts l;
    int err = head_layouts(&l, d, h, why);
    if (err)
        return err;
    head_forward_desc(&desc, &l, training);
    struct dnn_recipe r = {.name = "matrix product",
                           .desc = &desc,
                           .args = {{DNNL_ARG_SRC, {l.source, h->source}},
                                    {DNNL_ARG_WEIGHTS, {l.weight, h->weight}},
                                    {DNNL_ARG_BIAS, {l.bias, h->bias}},
                                    {DNNL_ARG_DST, {l.result, h->result}}},
                           .count = 4};
    return dnn_op_cook(out, d, &r, why);
}

int dnn_head_back_data(struct dnn_op **out, struct dnn *d,
                       const struct dnn_head *g, const float *weight,
                       struct reason *why)
{
    dnnl_inner_product_desc_t forward, desc;
    struct head_layouts l;
    int err = head_layouts(&l, d, g, why);
    if (err)
        return err;
    head_forward_desc(&forward, &l, true);
    dnnl_inner_product_backward_data_desc_init(&desc, &l.source->md,
                                               &l.weight->md, &l.result->md);
    struct dnn_recipe r = {
        .name = "backward matrix product",
        .desc = &desc,
        .args = {{DNNL_ARG_DIFF_SRC, {l.source, g->source}},
                 {DNNL_ARG_WEIGHTS, {l.weight, (void *)weight}},
                 {DNNL_ARG_DIFF_DST, {l.result, g->result}}},
        .count = 3};
    return dnn_op_cook_back(out, d, &r, &forward, why);
}

int dnn_head_back_weight(struct dnn_op **out, struct dnn *d,
                         const struct dnn_head *g, const float *source,
                         struct reason *why)
{
    dnnl_inner_product_desc_t forward, desc;
    struct head_layouts l;
    int err = head_layouts(&l, d, g, why);
    if (err)
        return err;
    head_forward_desc(&forward, &l, true);
    dnnl_inner_product_backward_weights_desc_init(
        &desc, &l.source->md, &l.weight->md, &l.bias->md, &l.result->md);
    struct dnn_recipe r = {
        .name = "backward matrix product",
        .desc = &desc,
        .args = {{DNNL_ARG_SRC, {l.source, (void *)source}},
                 {DNNL_ARG_DIFF_WEIGHTS, {l.weight, g->weight}},
                 {DNNL_ARG_DIFF_BIAS, {l.bias, g->bias}},
                 {DNNL_ARG_DIFF_DST, {l.result, g->result}}},
        .count = 4};
    return dnn_op_cook_back(out, d, &r, &forward, why);
}
