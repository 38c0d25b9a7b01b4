#include "dnn.h"

#include "room.h"

#include <dnnl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ARGS_MAX = 8,
    HUGE = 2 << 20,
    LINE = 64,
    TILE = 4,
};

struct dnn_layout {
    dnnl_memory_desc_t md;
    struct dnn_layout *next;
};

struct dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr; /* scratchpad by the user */
    dnnl_data_type_t compute;
    int block;                  /* 0 = channels last */
    bool limited;               /* memory, as room.h has it */
    struct dnn_layout *layouts; /* owned */
    void *scratch;              /* the largest that an op asked for */
    size_t scratch_size;
};

struct dnn_op {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[ARGS_MAX];
    int count;
    dnnl_memory_t scratch; /* also in args; NULL = needs none */
    struct dnn_op *then;   /* owned, runs behind it; NULL = none */
    void *between;         /* owned: what `then` takes over from it */
};

/* What an op is made of; everything that op_make() needs. */
struct recipe {
    const char *name; /* for refusals */
    const void *desc;
    const_dnnl_primitive_attr_t attr;
    const_dnnl_primitive_desc_t hint; /* the forward one */
    struct {
        int arg;
        struct dnn_tensor tensor;
    } args[ARGS_MAX];
    int count;
};

static int refuse_dnnl(struct reason *why, dnnl_status_t status,
                       const char *what)
{
    if (status == dnnl_out_of_memory)
        return refuse(why, ENOMEM, "out of memory for %s", what);
    if (status == dnnl_unimplemented)
        return refuse(why, ENOTSUP, "oneDNN has no %s for this processor",
                      what);
    return refuse(why, EINVAL, "oneDNN refuses %s (status %d)", what,
                  (int)status);
}

/* A primitive; a convolution by the direct algorithm, where it is wanted by
 * Winograd's and there is none. NULL for `attr` are the usual attributes. */
static dnnl_status_t describe(dnnl_primitive_desc_t *out, const struct dnn *d,
                              const void *desc,
                              const_dnnl_primitive_attr_t attr,
                              const_dnnl_primitive_desc_t hint)
{
    if (!attr)
        attr = d->attr;
    dnnl_status_t s =
        dnnl_primitive_desc_create(out, desc, attr, d->engine, hint);
    if (s != dnnl_unimplemented ||
        *(const dnnl_primitive_kind_t *)desc != dnnl_convolution)
        return s;
    dnnl_convolution_desc_t direct = *(const dnnl_convolution_desc_t *)desc;
    direct.alg_kind = dnnl_convolution_direct;
    return dnnl_primitive_desc_create(out, &direct, attr, d->engine, hint);
}

/* Life cycle */

static bool cpu_has(unsigned isa)
{
    return ((unsigned)dnnl_get_effective_cpu_isa() & isa) == isa;
}

bool dnn_bf16_fast(void)
{
    return cpu_has(dnnl_cpu_isa_avx512_core_bf16);
}

/* By all threads: the kernel clears the pages that they touch first, which is
 * slower than anything else at a training's beginning. */
static void *clear(char *p, size_t size)
{
#pragma omp parallel for schedule(static) if (size > HUGE)
    for (size_t at = 0; at < size; at += HUGE)
        memset(p + at, 0, size - at < HUGE ? size - at : HUGE);
    return p;
}

void *dnn_alloc(size_t size)
{
    size_t align = size >= HUGE ? HUGE : LINE;
    size_t whole = (size + align - 1) & ~(align - 1);
    void *p = aligned_alloc(align, whole);

    if (!p)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (align == HUGE)
        madvise(p, whole, MADV_HUGEPAGE); /* only a hint */
#endif
    return clear(p, whole);
}

static const struct dnn_layout *layout_keep(struct dnn *d,
                                            const dnnl_memory_desc_t *md)
{
    struct dnn_layout *l;

    for (l = d->layouts; l; l = l->next)
        if (dnnl_memory_desc_equal(&l->md, md))
            return l;
    l = malloc(sizeof *l);
    if (l)
        *l = (struct dnn_layout){*md, d->layouts}, d->layouts = l;
    return l;
}

static dnnl_memory_desc_t md_of(int rank, const dnnl_dim_t *dim,
                                dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t md;

    dnnl_memory_desc_init_by_tag(&md, rank, dim, type, tag);
    return md;
}

/* The block of activations that oneDNN chooses for a usual convolution. */
static int probe_block(struct dnn *d, struct reason *why)
{
    dnnl_dims_t data = {1, 64, 16, 16}, kernel = {64, 64, 3, 3}, one = {1, 1};
    dnnl_memory_desc_t any = md_of(4, data, d->compute, dnnl_format_tag_any);
    dnnl_memory_desc_t weights =
        md_of(4, kernel, d->compute, dnnl_format_tag_any);
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd;
    dnnl_status_t s = dnnl_convolution_forward_desc_init(
        &desc, dnnl_forward_training, dnnl_convolution_direct, &any, &weights,
        NULL, &any, one, one, one);

    if (!s)
        s = describe(&pd, d, &desc, NULL, NULL);
    if (s)
        return refuse_dnnl(why, s, "convolution");
    const dnnl_blocking_desc_t *b =
        &dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0)
             ->format_desc.blocking;
    if (b->inner_nblks == 1 && b->inner_idxs[0] == 1 &&
        (b->inner_blks[0] == 8 || b->inner_blks[0] == 16))
        d->block = (int)b->inner_blks[0];
    dnnl_primitive_desc_destroy(pd);
    return 0;
}

static int dnn_start(struct dnn *d, struct reason *why)
{
    dnnl_status_t s = dnnl_engine_create(&d->engine, dnnl_cpu, 0);

    if (!s)
        s = dnnl_stream_create(&d->stream, d->engine,
                               dnnl_stream_default_flags);
    if (!s)
        s = dnnl_primitive_attr_create(&d->attr);
    if (!s)
        s = dnnl_primitive_attr_set_scratchpad_mode(d->attr,
                                                    dnnl_scratchpad_mode_user);
    if (s)
        return refuse_dnnl(why, s, "an engine");
    return probe_block(d, why);
}

static int see_room(const struct dnn *d, struct reason *why)
{
    return d->limited ? room_for_code(why) : 0;
}

int dnn_open(struct dnn **out, enum dnn_type compute, struct reason *why)
{
    if (compute == DNN_BF16 && !cpu_has(dnnl_cpu_isa_avx512_core))
        return refuse(why, ENOTSUP,
                      "precision bf16 needs a processor with AVX-512; "
                      "use f32 here");
    struct dnn *d = calloc(1, sizeof *d);
    if (!d)
        return refuse(why, ENOMEM, "out of memory for the network");
    d->compute = compute == DNN_BF16 ? dnnl_bf16 : dnnl_f32;
    d->limited = room_is_limited();
    int rc = dnn_start(d, why);
    if (rc)
        dnn_free(d);
    else
        *out = d;
    return rc;
}

void dnn_free(struct dnn *d)
{
    if (!d)
        return;
    for (struct dnn_layout *l = d->layouts, *next; l; l = next) {
        next = l->next;
        free(l);
    }
    dnnl_primitive_attr_destroy(d->attr);
    if (d->stream)
        dnnl_stream_destroy(d->stream);
    if (d->engine)
        dnnl_engine_destroy(d->engine);
    free(d->scratch);
    free(d);
}

void dnn_op_free(struct dnn_op *op)
{
    if (!op)
        return;
    for (int i = 0; i < op->count; i++)
        dnnl_memory_destroy(op->args[i].memory);
    if (op->primitive)
        dnnl_primitive_destroy(op->primitive);
    dnn_op_free(op->then);
    free(op->between);
    free(op);
}

/* Layouts */

int dnn_block(const struct dnn *d)
{
    return d->block;
}

enum dnn_type dnn_compute(const struct dnn *d)
{
    return d->compute == dnnl_bf16 ? DNN_BF16 : DNN_F32;
}

size_t dnn_layout_size(const struct dnn_layout *l)
{
    return dnnl_memory_desc_get_size(&l->md);
}

bool dnn_layout_same(const struct dnn_layout *a, const struct dnn_layout *b)
{
    return a == b || dnnl_memory_desc_equal(&a->md, &b->md);
}

const struct dnn_layout *dnn_plain(struct dnn *d, enum dnn_type type, int rank,
                                   const int64_t *dim)
{
    static const dnnl_format_tag_t tags[] = {0, dnnl_a, dnnl_ab, dnnl_abc,
                                             dnnl_abcd};
    dnnl_memory_desc_t md =
        md_of(rank, dim, type == DNN_BF16 ? dnnl_bf16 : dnnl_f32, tags[rank]);

    return layout_keep(d, &md);
}

static dnnl_memory_desc_t activation_md(const struct dnn *d, int n,
                                        int channels, int side)
{
    dnnl_dims_t dim = {n, channels, side, side};

    return md_of(4, dim, d->compute,
                 d->block == 8    ? dnnl_nChw8c
                 : d->block == 16 ? dnnl_nChw16c
                                  : dnnl_nhwc);
}

const struct dnn_layout *dnn_activation(struct dnn *d, int n, int channels,
                                        int side)
{
    dnnl_memory_desc_t md = activation_md(d, n, channels, side);

    return layout_keep(d, &md);
}

const struct dnn_layout *dnn_kernel_in_blocks(struct dnn *d,
                                              const struct dnn_conv *c)
{
    dnnl_dims_t dim = {c->out, c->in, c->kernel, c->kernel};
    dnnl_memory_desc_t md = md_of(
        4, dim, dnnl_f32, d->block == 8 ? dnnl_OIhw8i8o : dnnl_OIhw16i16o);

    return layout_keep(d, &md);
}

/* Ops in general */

static int op_bind(struct dnn_op *op, struct dnn *d, int arg,
                   const dnnl_memory_desc_t *md, void *data, struct reason *why)
{
    dnnl_memory_t memory;
    dnnl_status_t s = dnnl_memory_create(&memory, md, d->engine, data);

    if (s)
        return refuse_dnnl(why, s, "memory");
    op->args[op->count++] = (dnnl_exec_arg_t){arg, memory};
    return 0;
}

/* A scratchpad, where the primitive wants one. */
static int op_bind_scratch(struct dnn_op *op, struct dnn *d,
                           const_dnnl_primitive_desc_t pd, struct reason *why)
{
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    size_t size = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    int rc = 0;

    if (size) {
        rc = op_bind(op, d, DNNL_ARG_SCRATCHPAD, scratch, NULL, why);
        if (!rc)
            op->scratch = op->args[op->count - 1].memory;
    }
    if (size > d->scratch_size) {
        void *more = dnn_alloc(size);
        if (!more)
            return refuse(why, ENOMEM, "out of memory for a scratchpad");
        free(d->scratch);
        d->scratch = more;
        d->scratch_size = size;
    }
    return rc;
}

static int op_make(struct dnn_op **out, struct dnn *d,
                   const_dnnl_primitive_desc_t pd, const struct recipe *r,
                   struct reason *why)
{
    int rc = see_room(d, why);
    struct dnn_op *op = rc ? NULL : calloc(1, sizeof *op);

    if (rc)
        return rc;
    if (!op)
        return refuse(why, ENOMEM, "out of memory for %s", r->name);
    dnnl_status_t s = dnnl_primitive_create(&op->primitive, pd);
    rc = s ? refuse_dnnl(why, s, r->name) : 0;
    for (int i = 0; !rc && i < r->count; i++)
        if (r->args[i].tensor.layout)
            rc = op_bind(op, d, r->args[i].arg, &r->args[i].tensor.layout->md,
                         r->args[i].tensor.data, why);
    if (!rc)
        rc = op_bind_scratch(op, d, pd, why);
    if (rc)
        dnn_op_free(op);
    else
        *out = op;
    return rc;
}

static int op_cook(struct dnn_op **out, struct dnn *d, const struct recipe *r,
                   struct reason *why)
{
    dnnl_primitive_desc_t pd;
    dnnl_status_t s = describe(&pd, d, r->desc, r->attr, r->hint);

    if (s)
        return refuse_dnnl(why, s, r->name);
    int rc = op_make(out, d, pd, r, why);
    dnnl_primitive_desc_destroy(pd);
    return rc;
}

/* As op_cook() for a backward op; `forward` is its forward descriptor. */
static int op_cook_back(struct dnn_op **out, struct dnn *d, struct recipe *r,
                        const void *forward, struct reason *why)
{
    dnnl_primitive_desc_t hint;
    dnnl_status_t s = describe(&hint, d, forward, NULL, NULL);

    if (s)
        return refuse_dnnl(why, s, r->name);
    r->hint = hint;
    int rc = op_cook(out, d, r, why);
    dnnl_primitive_desc_destroy(hint);
    return rc;
}

int dnn_run(struct dnn *d, const struct dnn_op *op, struct reason *why)
{
    dnnl_status_t s = dnnl_success;

    int rc = see_room(d, why);
    if (rc)
        return rc;
    for (; op && !s; op = op->then) {
        /* The scratchpad may have grown since the op was made. */
        if (op->scratch)
            dnnl_memory_set_data_handle(op->scratch, d->scratch);
        s = dnnl_primitive_execute(op->primitive, d->stream, op->count,
                                   op->args);
        if (!s)
            s = dnnl_stream_wait(d->stream);
    }
    return s ? refuse_dnnl(why, s, "execution of a step") : 0;
}

/* Convolution */

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

    return d->compute == dnnl_f32 && cpu_has(dnnl_cpu_isa_avx512_core) &&
           c->kernel == 3 && c->stride == 1 && c->in % 16 == 0 &&
           c->out % 16 == 0 && 2 * side * side > whole * whole;
}

/* All with the compute type; kernels and a source of 3 channels as oneDNN
 * likes them, activations as they are. */
static void shape_init(struct shape *s, const struct dnn *d,
                       const struct dnn_conv *c)
{
    dnnl_dims_t kernel = {c->out, c->in, c->kernel, c->kernel};
    dnnl_dims_t image = {c->n, c->in, c->side, c->side}, out = {c->out};

    s->algorithm = dnn_conv_in_tiles(d, c) ? dnnl_convolution_winograd
                                           : dnnl_convolution_direct;
    s->stride[0] = s->stride[1] = c->stride;
    s->pad[0] = s->pad[1] = c->pad;
    s->source = c->in % 8 ? md_of(4, image, d->compute, dnnl_format_tag_any)
                          : activation_md(d, c->n, c->in, c->side);
    s->kernel = md_of(4, kernel, d->compute, dnnl_format_tag_any);
    s->gradient = md_of(4, kernel, dnnl_f32, dnnl_format_tag_any);
    s->bias = md_of(1, out, dnnl_f32, dnnl_a);
    s->result = activation_md(d, c->n, c->out, dnn_conv_side(c));
}

/* Kernels that are transformed for Winograd's algorithm beforehand, as oneDNN
 * would have them for inference, are four times as large; transforming them in
 * each step takes a twentieth of it. */
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

/* What oneDNN makes of the "any" in desc, at `query`. */
static int ask(struct dnn *d, const dnnl_convolution_desc_t *desc,
               const_dnnl_primitive_desc_t hint, dnnl_query_t query,
               const struct dnn_layout **out, struct reason *why)
{
    dnnl_primitive_desc_t pd;
    dnnl_status_t s = describe(&pd, d, desc, NULL, hint);

    if (s)
        return refuse_dnnl(why, s, "convolution of this shape");
    *out = layout_keep(d, dnnl_primitive_desc_query_md(pd, query, 0));
    dnnl_primitive_desc_destroy(pd);
    return *out ? 0 : refuse(why, ENOMEM, "out of memory for a layout");
}

/* Whether oneDNN has nothing but its slow reference code for a kernel's
 * gradient in these layouts: 2.6 has no other on AVX2 when the picture is
 * smaller than the kernel. */
static bool back_kernel_is_slow(struct dnn *d, const struct shape *s,
                                const_dnnl_primitive_desc_t hint)
{
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd;
    const char *name = "";

    back_kernel_desc(&desc, s);
    if (describe(&pd, d, &desc, NULL, hint))
        return false;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    bool slow = !strncmp(name, "ref", 3);
    dnnl_primitive_desc_destroy(pd);
    return slow;
}

/* The same shape with activations as oneDNN likes them. */
static struct shape shape_free(const struct shape *s)
{
    struct shape f = *s;

    f.source =
        md_of(4, s->source.dims, s->source.data_type, dnnl_format_tag_any);
    f.result =
        md_of(4, s->result.dims, s->result.data_type, dnnl_format_tag_any);
    return f;
}

/* Whether all of the kernel but its centre falls on padding. For the kernel's
 * gradient dnn_conv_back_kernel() makes a 1 x 1 convolution of such a one. */
static bool centre_only(const struct dnn_conv *c)
{
    return c->side == 1 && c->kernel > 1 && c->kernel == 2 * c->pad + 1;
}

/* The layouts of the backward kernels, given those of the forward one. */
static int ask_back(struct dnn *d, struct shape *s, const struct dnn_conv *c,
                    const dnnl_convolution_desc_t *forward,
                    struct dnn_conv_layouts *out, struct reason *why)
{
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t hint;
    int rc = 0;

    if (describe(&hint, d, forward, NULL, NULL))
        return refuse(why, EINVAL, "oneDNN refuses a convolution");
    back_kernel_desc(&desc, s);
    if (centre_only(c)) {
        dnnl_memory_desc_t master = out->forward->md;
        master.data_type = dnnl_f32;
        out->master = layout_keep(d, &master);
    } else {
        struct shape free = shape_free(s);
        if (back_kernel_is_slow(d, s, hint))
            back_kernel_desc(&desc, &free);
        rc = ask(d, &desc, hint, dnnl_query_diff_weights_md, &out->master, why);
    }
    if (!rc && c->in % 8 == 0) {
        back_data_desc(&desc, s);
        rc = ask(d, &desc, hint, dnnl_query_weights_md, &out->back, why);
    }
    dnnl_primitive_desc_destroy(hint);
    return rc;
}

int dnn_conv_choose(struct dnn *d, const struct dnn_conv *c, bool training,
                    struct dnn_conv_layouts *out, struct reason *why)
{
    struct shape s;
    dnnl_convolution_desc_t forward;
    int rc;

    *out = (struct dnn_conv_layouts){0};
    shape_init(&s, d, c);
    dnnl_status_t status = forward_desc(&forward, &s, training);
    if (status)
        return refuse_dnnl(why, status, "convolution of this shape");
    rc = ask(d, &forward, NULL, dnnl_query_src_md, &out->source, why);
    if (!rc)
        rc = ask(d, &forward, NULL, dnnl_query_weights_md, &out->forward, why);
    if (rc || !training)
        return rc;
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
    struct recipe r = {.name = "convolution",
                       .desc = &desc,
                       .args = {{DNNL_ARG_SRC, source},
                                {DNNL_ARG_WEIGHTS, kernel},
                                {DNNL_ARG_DST, result}},
                       .count = 3};
    return op_cook(out, d, &r, why);
}

static dnnl_status_t attr_fused(dnnl_primitive_attr_t *out, const struct dnn *d,
                                bool sum, bool relu)
{
    dnnl_post_ops_t ops;
    dnnl_status_t s = dnnl_post_ops_create(&ops);

    if (s)
        return s;
    if (sum)
        s = dnnl_post_ops_append_sum(ops, 1.0f);
    if (!s && relu)
        s = dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, 0, 0);
    if (!s)
        s = dnnl_primitive_attr_clone(out, d->attr);
    if (!s)
        s = dnnl_primitive_attr_set_post_ops(*out, ops);
    dnnl_post_ops_destroy(ops);
    return s;
}

int dnn_conv_infer(struct dnn_op **out, struct dnn *d, const struct dnn_conv *c,
                   struct dnn_tensor source, struct dnn_tensor kernel,
                   struct dnn_tensor bias, struct dnn_tensor result, bool sum,
                   bool relu, struct reason *why)
{
    struct shape s;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_attr_t attr = NULL;

    shape_init(&s, d, c);
    s.source = source.layout->md;
    s.kernel = kernel.layout->md;
    forward_desc(&desc, &s, false);
    dnnl_status_t status = attr_fused(&attr, d, sum, relu);
    struct recipe r = {.name = "fused convolution",
                       .desc = &desc,
                       .attr = attr,
                       .args = {{DNNL_ARG_SRC, source},
                                {DNNL_ARG_WEIGHTS, kernel},
                                {DNNL_ARG_BIAS, bias},
                                {DNNL_ARG_DST, result}},
                       .count = 4};
    int rc =
        status ? refuse_dnnl(why, status, r.name) : op_cook(out, d, &r, why);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return rc;
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
    struct recipe r = {.name = "backward convolution",
                       .desc = &desc,
                       .args = {{DNNL_ARG_DIFF_SRC, d_source},
                                {DNNL_ARG_WEIGHTS, kernel},
                                {DNNL_ARG_DIFF_DST, d_result}},
                       .count = 3};
    return op_cook_back(out, d, &r, &forward, why);
}

/* A copy of `from` in memory of the op's own. */
static int copy_op(struct dnn_op **out, struct dnn *d, struct dnn_tensor from,
                   const dnnl_memory_desc_t *md, struct dnn_tensor *to,
                   struct reason *why)
{
    to->layout = layout_keep(d, md);
    to->data = to->layout ? dnn_alloc(dnn_layout_size(to->layout)) : NULL;
    if (!to->data)
        return refuse(why, ENOMEM, "out of memory for a copy");
    int rc = dnn_copy(out, d, from, *to, why);
    if (rc)
        free(to->data);
    else
        (*out)->between = to->data;
    return rc;
}

/* What oneDNN makes of the free layouts of source and result. */
static int free_layouts(struct dnn *d, const struct shape *s,
                        const_dnnl_primitive_desc_t hint,
                        dnnl_memory_desc_t *source, dnnl_memory_desc_t *result,
                        struct reason *why)
{
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd;

    back_kernel_desc(&desc, s);
    dnnl_status_t status = describe(&pd, d, &desc, NULL, hint);
    if (status)
        return refuse_dnnl(why, status, "convolution of this shape");
    *source = *dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0);
    *result = *dnnl_primitive_desc_query_md(pd, dnnl_query_diff_dst_md, 0);
    dnnl_primitive_desc_destroy(pd);
    return 0;
}

/* Through copies of the activations, where their layout has only slow code. */
static int copied_op(struct dnn_op **out, struct dnn *d, struct shape *s,
                     const_dnnl_primitive_desc_t hint, struct dnn_tensor source,
                     struct dnn_tensor d_kernel, struct dnn_tensor d_result,
                     struct reason *why)
{
    dnnl_memory_desc_t source_md, result_md;
    dnnl_convolution_desc_t desc;
    struct dnn_tensor x, d_y;
    int rc = free_layouts(d, s, hint, &source_md, &result_md, why);

    if (!rc)
        rc = copy_op(out, d, source, &source_md, &x, why);
    if (rc)
        return rc;
    rc = copy_op(&(*out)->then, d, d_result, &result_md, &d_y, why);
    back_kernel_desc(&desc, s);
    struct recipe r = {.name = "backward convolution",
                       .desc = &desc,
                       .hint = hint,
                       .args = {{DNNL_ARG_SRC, x},
                                {DNNL_ARG_DIFF_WEIGHTS, d_kernel},
                                {DNNL_ARG_DIFF_DST, d_y}},
                       .count = 3};
    if (!rc)
        rc = op_cook(&(*out)->then->then, d, &r, why);
    if (rc) {
        dnn_op_free(*out);
        *out = NULL;
    }
    return rc;
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
    dnnl_status_t status = describe(&hint, d, &forward, NULL, NULL);
    if (status)
        return refuse_dnnl(why, status, "backward convolution");
    struct shape blocked = s, free = shape_free(&s);
    blocked.gradient.format_kind = dnnl_format_kind_any;
    if (back_kernel_is_slow(d, &blocked, hint)) {
        int rc =
            copied_op(out, d, &free, hint, source, d_kernel, d_result, why);
        dnnl_primitive_desc_destroy(hint);
        return rc;
    }
    dnnl_primitive_desc_destroy(hint);
    back_kernel_desc(&desc, &s);
    struct recipe r = {.name = "backward convolution",
                       .desc = &desc,
                       .args = {{DNNL_ARG_SRC, source},
                                {DNNL_ARG_DIFF_WEIGHTS, d_kernel},
                                {DNNL_ARG_DIFF_DST, d_result}},
                       .count = 3};
    return op_cook_back(out, d, &r, &forward, why);
}

/* The gradient of the kernel's centre, as that of a 1 x 1 kernel. */
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
    int rc = dnn_conv_choose(d, &one, true, &layouts, why);

    if (rc)
        return rc;
    centre->layout = layouts.master;
    centre->data = dnn_alloc(dnn_layout_size(layouts.master));
    if (!centre->data)
        return refuse(why, ENOMEM, "out of memory for a gradient");
    rc = back_kernel_op(out, d, &one, source, *centre, d_result, why);
    if (rc)
        free(centre->data);
    else
        (*out)->between = centre->data;
    return rc;
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
        return refuse_dnnl(why, s, "the centre of a kernel");
    int rc = centre_op(out, d, c, source, d_result, &centre, why);
    if (rc)
        return rc;
    /* the rest of d_kernel is 0 from its allocation on */
    struct dnn_tensor to = {layout_keep(d, &inside), d_kernel.data};
    rc = to.layout ? dnn_copy(&(*out)->then, d, centre, to, why)
                   : refuse(why, ENOMEM, "out of memory for a layout");
    if (rc) {
        dnn_op_free(*out);
        *out = NULL;
    }
    return rc;
}

/* Pooling */

int dnn_pooling_side(const struct dnn_pooling *p)
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
    dnnl_memory_desc_t in = activation_md(d, p->n, p->channels, p->side);
    dnnl_memory_desc_t out =
        activation_md(d, p->n, p->channels, dnn_pooling_side(p));

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
    struct recipe r = {.name = "pooling",
                       .desc = &desc,
                       .args = {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, result}},
                       .count = 2};
    return op_cook(out, d, &r, why);
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
    struct recipe r = {
        .name = "backward pooling",
        .desc = &desc,
        .args = {{DNNL_ARG_DIFF_SRC, d_source}, {DNNL_ARG_DIFF_DST, d_result}},
        .count = 2};
    return op_cook_back(out, d, &r, &forward, why);
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
    int rc = head_layouts(&l, d, h, why);

    if (rc)
        return rc;
    head_forward_desc(&desc, &l, training);
    struct recipe r = {.name = "matrix product",
                       .desc = &desc,
                       .args = {{DNNL_ARG_SRC, {l.source, h->source}},
                                {DNNL_ARG_WEIGHTS, {l.weight, h->weight}},
                                {DNNL_ARG_BIAS, {l.bias, h->bias}},
                                {DNNL_ARG_DST, {l.result, h->result}}},
                       .count = 4};
    return op_cook(out, d, &r, why);
}

int dnn_head_back_data(struct dnn_op **out, struct dnn *d,
                       const struct dnn_head *g, const float *weight,
                       struct reason *why)
{
    dnnl_inner_product_desc_t forward, desc;
    struct head_layouts l;
    int rc = head_layouts(&l, d, g, why);

    if (rc)
        return rc;
    head_forward_desc(&forward, &l, true);
    dnnl_inner_product_backward_data_desc_init(&desc, &l.source->md,
                                               &l.weight->md, &l.result->md);
    struct recipe r = {.name = "backward matrix product",
                       .desc = &desc,
                       .args = {{DNNL_ARG_DIFF_SRC, {l.source, g->source}},
                                {DNNL_ARG_WEIGHTS, {l.weight, (void *)weight}},
                                {DNNL_ARG_DIFF_DST, {l.result, g->result}}},
                       .count = 3};
    return op_cook_back(out, d, &r, &forward, why);
}

int dnn_head_back_weight(struct dnn_op **out, struct dnn *d,
                         const struct dnn_head *g, const float *source,
                         struct reason *why)
{
    dnnl_inner_product_desc_t forward, desc;
    struct head_layouts l;
    int rc = head_layouts(&l, d, g, why);

    if (rc)
        return rc;
    head_forward_desc(&forward, &l, true);
    dnnl_inner_product_backward_weights_desc_init(
        &desc, &l.source->md, &l.weight->md, &l.bias->md, &l.result->md);
    struct recipe r = {.name = "backward matrix product",
                       .desc = &desc,
                       .args = {{DNNL_ARG_SRC, {l.source, (void *)source}},
                                {DNNL_ARG_DIFF_WEIGHTS, {l.weight, g->weight}},
                                {DNNL_ARG_DIFF_BIAS, {l.bias, g->bias}},
                                {DNNL_ARG_DIFF_DST, {l.result, g->result}}},
                       .count = 4};
    return op_cook_back(out, d, &r, &forward, why);
}

/* Copies */

int dnn_copy(struct dnn_op **out, struct dnn *d, struct dnn_tensor from,
             struct dnn_tensor to, struct reason *why)
{
    dnnl_primitive_desc_t pd;
    dnnl_status_t s = dnnl_reorder_primitive_desc_create(
        &pd, &from.layout->md, d->engine, &to.layout->md, d->engine, d->attr);
    struct recipe r = {.name = "copy between layouts",
                       .args = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}},
                       .count = 2};

    if (s)
        return refuse_dnnl(why, s, r.name);
    int rc = op_make(out, d, pd, &r, why);
    dnnl_primitive_desc_destroy(pd);
    return rc;
}

int dnn_reorder(const struct dnn *d, struct dnn_tensor from,
                struct dnn_tensor to, struct reason *why)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL; /* its own, as another thread may use d's */
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, NULL}, {DNNL_ARG_TO, NULL}};
    dnnl_status_t s = dnnl_reorder_primitive_desc_create(
        &pd, &from.layout->md, d->engine, &to.layout->md, d->engine, NULL);

    if (!s)
        s = dnnl_primitive_create(&primitive, pd);
    if (!s)
        s = dnnl_stream_create(&stream, d->engine, dnnl_stream_default_flags);
    if (!s)
        s = dnnl_memory_create(&args[0].memory, &from.layout->md, d->engine,
                               from.data);
    if (!s)
        s = dnnl_memory_create(&args[1].memory, &to.layout->md, d->engine,
                               to.data);
    if (!s)
        s = dnnl_primitive_execute(primitive, stream, 2, args);
    if (!s)
        s = dnnl_stream_wait(stream);
    for (int i = 0; i < 2; i++)
        dnnl_memory_destroy(args[i].memory);
    if (stream)
        dnnl_stream_destroy(stream);
    if (primitive)
        dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(pd);
    return s ? refuse_dnnl(why, s, "copy between layouts") : 0;
}
