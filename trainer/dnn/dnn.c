#include "trainer/dnn/inside.h"

#include "trainer/machine/headroom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    HUGE = 2 << 20,
    LINE = 64,
};

int dnn_refuse(struct reason *why, dnnl_status_t status, const char *what)
{
    if (status == dnnl_out_of_memory)
        return refuse(why, ENOMEM, "out of memory for %s", what);
    if (status == dnnl_unimplemented)
        return refuse(why, ENOTSUP, "oneDNN has no %s for this processor",
                      what);
    return refuse(why, EINVAL, "oneDNN refuses %s (status %d)", what,
                  (int)status);
}

dnnl_status_t dnn_describe(dnnl_primitive_desc_t *out, const struct dnn *d,
                           const void *desc, const_dnnl_primitive_attr_t attr,
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

bool dnn_cpu_has(unsigned isa)
{
    return ((unsigned)dnnl_get_effective_cpu_isa() & isa) == isa;
}

bool dnn_bf16_fast(void)
{
    return dnn_cpu_has(dnnl_cpu_isa_avx512_core_bf16);
}

/* The operating system clears a page when it is first touched, which with one
 * thread would take longer than anything else at the start of a training. */
void dnn_clear(void *data, size_t size)
{
    char *p = data;
#pragma omp parallel for schedule(static) if (size > HUGE)
    for (size_t at = 0; at < size; at += HUGE)
        memset(p + at, 0, size - at < HUGE ? size - at : HUGE);
}

static size_t alignment(size_t size)
{
    return size >= HUGE ? HUGE : LINE;
}

static size_t aligned(size_t size)
{
    return (size + alignment(size) - 1) & ~(alignment(size) - 1);
}

void *dnn_reserve(size_t size)
{
    void *p = aligned_alloc(alignment(size), aligned(size));
#ifdef MADV_HUGEPAGE
    if (p && size >= HUGE)
        madvise(p, aligned(size), MADV_HUGEPAGE); /* only a hint */
#endif
    return p;
}

void *dnn_alloc(size_t size)
{
    void *p = dnn_reserve(size);
    if (p)
        dnn_clear(p, aligned(size));
    return p;
}

const struct dnn_layout *dnn_layout_keep(struct dnn *d,
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

dnnl_memory_desc_t dnn_md(int rank, const dnnl_dim_t *dim,
                          dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t md;
    dnnl_memory_desc_init_by_tag(&md, rank, dim, type, tag);
    return md;
}

/* Finds the block of activations by asking oneDNN which layout it would choose
 * for an ordinary convolution. */
static int probe_block(struct dnn *d, struct reason *why)
{
    dnnl_dims_t data = {1, 64, 16, 16}, kernel = {64, 64, 3, 3}, one = {1, 1};
    dnnl_memory_desc_t any = dnn_md(4, data, d->compute, dnnl_format_tag_any);
    dnnl_memory_desc_t weights =
        dnn_md(4, kernel, d->compute, dnnl_format_tag_any);
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd;
    dnnl_status_t s = dnnl_convolution_forward_desc_init(
        &desc, dnnl_forward_training, dnnl_convolution_direct, &any, &weights,
        NULL, &any, one, one, one);
    if (!s)
        s = dnn_describe(&pd, d, &desc, NULL, NULL);
    if (s)
        return dnn_refuse(why, s, "convolution");
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
        return dnn_refuse(why, s, "an engine");
    return probe_block(d, why);
}

static int see_room(const struct dnn *d, struct reason *why)
{
    return d->limited ? headroom_for_code(why) : 0;
}

int dnn_open(struct dnn **out, enum dnn_type compute, struct reason *why)
{
    if (compute == DNN_BF16 && !dnn_cpu_has(dnnl_cpu_isa_avx512_core))
        return refuse(why, ENOTSUP,
                      "precision bf16 needs a processor with AVX-512; "
                      "use f32 here");
    struct dnn *d = calloc(1, sizeof *d);
    if (!d)
        return refuse(why, ENOMEM, "out of memory for the network");
    d->compute = compute == DNN_BF16 ? dnnl_bf16 : dnnl_f32;
    d->limited = headroom_is_limited();
    int err = dnn_start(d, why);
    if (err)
        dnn_free(d);
    else
        *out = d;
    return err;
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

int dnn_padded(const struct dnn *d, int channels)
{
    int block = d->block ? d->block : 1;
    return (channels + block - 1) / block * block;
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
        dnn_md(rank, dim, type == DNN_BF16 ? dnnl_bf16 : dnnl_f32, tags[rank]);
    return dnn_layout_keep(d, &md);
}

dnnl_memory_desc_t dnn_activation_md(const struct dnn *d, int n, int channels,
                                     int side)
{
    dnnl_dims_t dim = {n, channels, side, side};
    return dnn_md(4, dim, d->compute,
                  d->block == 8    ? dnnl_nChw8c
                  : d->block == 16 ? dnnl_nChw16c
                                   : dnnl_nhwc);
}

const struct dnn_layout *dnn_activation(struct dnn *d, int n, int channels,
                                        int side)
{
    dnnl_memory_desc_t md = dnn_activation_md(d, n, channels, side);
    return dnn_layout_keep(d, &md);
}

const struct dnn_layout *dnn_kernel_in_blocks(struct dnn *d,
                                              const struct dnn_conv *c)
{
    dnnl_dims_t dim = {c->out, c->in, c->kernel, c->kernel};
    dnnl_memory_desc_t md = dnn_md(
        4, dim, dnnl_f32, d->block == 8 ? dnnl_OIhw8i8o : dnnl_OIhw16i16o);
    return dnn_layout_keep(d, &md);
}

const struct dnn_layout *dnn_kernel_by_channel(struct dnn *d, int channels,
                                               int kernel)
{
    dnnl_dims_t dim = {channels, 1, kernel, kernel};
    dnnl_memory_desc_t md = dnn_md(4, dim, dnnl_f32,
                                   d->block == 8    ? dnnl_Abcd8a
                                   : d->block == 16 ? dnnl_Abcd16a
                                                    : dnnl_bcda);
    return dnn_layout_keep(d, &md);
}

/* Ops in general */

static int op_bind(struct dnn_op *op, struct dnn *d, int arg,
                   const dnnl_memory_desc_t *md, void *data, struct reason *why)
{
    dnnl_memory_t memory;
    dnnl_status_t s = dnnl_memory_create(&memory, md, d->engine, data);
    if (s)
        return dnn_refuse(why, s, "memory");
    op->args[op->count++] = (dnnl_exec_arg_t){arg, memory};
    return 0;
}

/* Binds the scratchpad if the primitive needs one, and enlarges the memory that
 * all ops share. */
static int op_bind_scratch(struct dnn_op *op, struct dnn *d,
                           const_dnnl_primitive_desc_t pd, struct reason *why)
{
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    size_t size = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    int err = 0;
    if (size) {
        err = op_bind(op, d, DNNL_ARG_SCRATCHPAD, scratch, NULL, why);
        if (!err)
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
    return err;
}

static int op_make(struct dnn_op **out, struct dnn *d,
                   const_dnnl_primitive_desc_t pd, const struct dnn_recipe *r,
                   struct reason *why)
{
    int err = see_room(d, why);
    struct dnn_op *op = err ? NULL : calloc(1, sizeof *op);
    if (err)
        return err;
    if (!op)
        return refuse(why, ENOMEM, "out of memory for %s", r->name);
    dnnl_status_t s = dnnl_primitive_create(&op->primitive, pd);
    err = s ? dnn_refuse(why, s, r->name) : 0;
    for (int i = 0; !err && i < r->count; i++)
        if (r->args[i].tensor.layout)
            err = op_bind(op, d, r->args[i].arg, &r->args[i].tensor.layout->md,
                          r->args[i].tensor.data, why);
    if (!err)
        err = op_bind_scratch(op, d, pd, why);
    if (err)
        dnn_op_free(op);
    else
        *out = op;
    return err;
}

int dnn_op_cook(struct dnn_op **out, struct dnn *d, const struct dnn_recipe *r,
                struct reason *why)
{
    dnnl_primitive_desc_t pd;
    dnnl_status_t s = dnn_describe(&pd, d, r->desc, r->attr, r->hint);
    if (s)
        return dnn_refuse(why, s, r->name);
    int err = op_make(out, d, pd, r, why);
    dnnl_primitive_desc_destroy(pd);
    return err;
}

int dnn_op_cook_back(struct dnn_op **out, struct dnn *d, struct dnn_recipe *r,
                     const void *forward, struct reason *why)
{
    dnnl_primitive_desc_t hint;
    dnnl_status_t s = dnn_describe(&hint, d, forward, NULL, NULL);
    if (s)
        return dnn_refuse(why, s, r->name);
    r->hint = hint;
    int err = dnn_op_cook(out, d, r, why);
    dnnl_primitive_desc_destroy(hint);
    return err;
}

int dnn_run(struct dnn *d, const struct dnn_op *op, struct reason *why)
{
    dnnl_status_t s = dnnl_success;
    int err = see_room(d, why);
    if (err)
        return err;
    for (; op && !s; op = op->then) {
        /* The scratchpad may have moved since the op was made. */
        if (op->scratch)
            dnnl_memory_set_data_handle(op->scratch, d->scratch);
        s = dnnl_primitive_execute(op->primitive, d->stream, op->count,
                                   op->args);
        if (!s)
            s = dnnl_stream_wait(d->stream);
    }
    return s ? dnn_refuse(why, s, "execution of a step") : 0;
}

/* Copies */

int dnn_copy(struct dnn_op **out, struct dnn *d, struct dnn_tensor from,
             struct dnn_tensor to, struct reason *why)
{
    dnnl_primitive_desc_t pd;
    dnnl_status_t s = dnnl_reorder_primitive_desc_create(
        &pd, &from.layout->md, d->engine, &to.layout->md, d->engine, d->attr);
    struct dnn_recipe r = {.name = "copy between layouts",
                           .args = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}},
                           .count = 2};
    if (s)
        return dnn_refuse(why, s, r.name);
    int err = op_make(out, d, pd, &r, why);
    dnnl_primitive_desc_destroy(pd);
    return err;
}

int dnn_reorder(const struct dnn *d, struct dnn_tensor from,
                struct dnn_tensor to, struct reason *why)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL; /* not d's, which another thread may use */
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, NULL}, {DNNL_ARG_TO, NULL}};
    int err = see_room(d, why);
    if (err)
        return err;
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
    return s ? dnn_refuse(why, s, "copy between layouts") : 0;
}
