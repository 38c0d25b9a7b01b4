/*
 * The inside of dnn.h, for the files of this folder: only they know oneDNN.
 */
#ifndef PRIMO_DNN_INSIDE_H
#define PRIMO_DNN_INSIDE_H

#include "trainer/dnn/dnn.h"

#include <dnnl.h>

enum { DNN_ARGS_MAX = 8 };

struct dnn_layout {
    dnnl_memory_desc_t md;
    struct dnn_layout *next;
};

struct dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr; /* we provide the scratchpad */
    dnnl_data_type_t compute;
    int block;                  /* 0 = channels last */
    bool limited;               /* there is a memory limit (headroom.h) */
    struct dnn_layout *layouts; /* owned */
    void *scratch;              /* as large as the largest op needs */
    size_t scratch_size;
};

struct dnn_op {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[DNN_ARGS_MAX];
    int count;
    dnnl_memory_t scratch; /* one of the args; NULL = it needs none */
    struct dnn_op *then;   /* owned; runs after this one; NULL = none */
    void *between;         /* owned; the memory from which `then` reads */
};

/* All that is needed to make an op. */
struct dnn_recipe {
    const char *name; /* for refusals */
    const void *desc;
    const_dnnl_primitive_attr_t attr;
    const_dnnl_primitive_desc_t hint; /* the forward op's; NULL = this is one */
    struct {
        int arg;
        struct dnn_tensor tensor;
    } args[DNN_ARGS_MAX];
    int count;
};

/* Whether the processor has this instruction set, and oneDNN may use it. */
bool dnn_cpu_has(unsigned isa);
int dnn_refuse(struct reason *why, dnnl_status_t status, const char *what);

/* Layouts */

dnnl_memory_desc_t dnn_md(int rank, const dnnl_dim_t *dim,
                          dnnl_data_type_t type, dnnl_format_tag_t tag);
dnnl_memory_desc_t dnn_activation_md(const struct dnn *d, int n, int channels,
                                     int side);
/* The struct dnn's own layout that equals md; NULL = out of memory. */
const struct dnn_layout *dnn_layout_keep(struct dnn *d,
                                         const dnnl_memory_desc_t *md);

/* Ops */

/* Create a primitive descriptor. If a convolution is wanted by Winograd's
 * algorithm and there is none, take the direct algorithm. `attr` NULL = the
 * usual attributes. */
dnnl_status_t dnn_describe(dnnl_primitive_desc_t *out, const struct dnn *d,
                           const void *desc, const_dnnl_primitive_attr_t attr,
                           const_dnnl_primitive_desc_t hint);
int dnn_op_cook(struct dnn_op **out, struct dnn *d, const struct dnn_recipe *r,
                struct reason *why);
/* Make a backward op; `forward` is the descriptor of the forward one, which
 * oneDNN takes as a hint. */
int dnn_op_cook_back(struct dnn_op **out, struct dnn *d, struct dnn_recipe *r,
                     const void *forward, struct reason *why);

#endif
