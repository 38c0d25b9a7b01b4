/*
 * Inside of dnn.h: what its files share, the only ones that know oneDNN.
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
    dnnl_exec_arg_t args[DNN_ARGS_MAX];
    int count;
    dnnl_memory_t scratch; /* also in args; NULL = needs none */
    struct dnn_op *then;   /* owned, runs behind it; NULL = none */
    void *between;         /* owned: what `then` takes over from it */
};

/* What an op is made of; everything that making it needs. */
struct dnn_recipe {
    const char *name; /* for refusals */
    const void *desc;
    const_dnnl_primitive_attr_t attr;
    const_dnnl_primitive_desc_t hint; /* the forward one */
    struct {
        int arg;
        struct dnn_tensor tensor;
    } args[DNN_ARGS_MAX];
    int count;
};

/* Whether the processor has it, and oneDNN may use it. */
bool dnn_cpu_has(unsigned isa);
int dnn_refuse(struct reason *why, dnnl_status_t status, const char *what);

/* Layouts */

dnnl_memory_desc_t dnn_md(int rank, const dnnl_dim_t *dim,
                          dnnl_data_type_t type, dnnl_format_tag_t tag);
dnnl_memory_desc_t dnn_activation_md(const struct dnn *d, int n, int channels,
                                     int side);
/* d's own one; NULL means out of memory. */
const struct dnn_layout *dnn_layout_keep(struct dnn *d,
                                         const dnnl_memory_desc_t *md);

/* Ops */

/* A primitive; a convolution by the direct algorithm, where it is wanted by
 * Winograd's and there is none. NULL for `attr` are the usual attributes. */
dnnl_status_t dnn_describe(dnnl_primitive_desc_t *out, const struct dnn *d,
                           const void *desc, const_dnnl_primitive_attr_t attr,
                           const_dnnl_primitive_desc_t hint);
int dnn_op_cook(struct dnn_op **out, struct dnn *d, const struct dnn_recipe *r,
                struct reason *why);
/* For a backward op; `forward` is its forward descriptor. */
int dnn_op_cook_back(struct dnn_op **out, struct dnn *d, struct dnn_recipe *r,
                     const void *forward, struct reason *why);

#endif
