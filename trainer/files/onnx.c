#include "trainer/files/onnx.h"

#include "core/basic/file.h"
#include "core/basic/language.h"
#include "core/basic/text.h"
#include "core/shared/network.h"

#include <errno.h>
#include <fcntl.h>
#include <onnx.pb-c.h>
#include <stdlib.h>
#include <string.h>

enum {
    IR_VERSION = 7, /* the one that came with opset 13 */
    OPSET = 13,     /* what OpenCV 4.6's dnn reads, and all since */
    NODES_MAX = 4 * NETWORK_LAYERS_MAX + 8,
    TENSORS_MAX = 5 * NETWORK_LAYERS_MAX + 8,
};

/* A graph that is being put together. Its messages live until graph_release(),
 * the weights are the model's own bytes. */
struct graph {
    const struct classifier *model;
    struct reason *why;
    int failed; /* the first -errno */
    struct kept *kept;
    Onnx__NodeProto *node[NODES_MAX];
    Onnx__TensorProto *tensor[TENSORS_MAX];
    Onnx__GraphProto message;
    char *output[NETWORK_LAYERS_MAX]; /* the name of each row's result */
};

/* Memory */

struct kept {
    struct kept *next;
    max_align_t bytes[];
};

/* Zeroed; as in text.h, being out of memory for some bytes ends the process. */
static void *keep(struct graph *g, size_t size)
{
    struct kept *k = calloc(1, sizeof *k + size);
    if (!k)
        abort();
    k->next = g->kept;
    g->kept = k;
    return k->bytes;
}

static char *keep_string(struct graph *g, const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    char *s = keep(g, n + m + 1);
    memcpy(s, a, n);
    memcpy(s + n, b, m);
    return s;
}

static void graph_release(struct graph *g)
{
    while (g->kept) {
        struct kept *next = g->kept->next;
        free(g->kept);
        g->kept = next;
    }
}

/* A message of protobuf-c's, initialised. */
static void *make(struct graph *g, const ProtobufCMessageDescriptor *kind)
{
    void *m = keep(g, kind->sizeof_message);
    protobuf_c_message_init(kind, m);
    return m;
}

/* Tensors */

static Onnx__TensorProto *add_values(struct graph *g, const char *name,
                                     const int64_t *dim, int rank,
                                     const float *values)
{
    Onnx__TensorProto *t = make(g, &onnx__tensor_proto__descriptor);
    size_t bytes = sizeof *values;
    for (int i = 0; i < rank; i++)
        bytes *= (size_t)dim[i];
    t->name = keep_string(g, name, "");
    t->n_dims = (size_t)rank;
    t->dims = keep(g, sizeof *dim * (size_t)rank);
    memcpy(t->dims, dim, sizeof *dim * (size_t)rank);
    t->has_data_type = 1;
    t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    t->has_raw_data = 1;
    t->raw_data.len = bytes;
    t->raw_data.data = (uint8_t *)values;
    g->tensor[g->message.n_initializer++] = t;
    return t;
}

static const struct tensor *find(const struct classifier *m, const char *name)
{
    for (int i = 0; i < m->count; i++)
        if (!strcmp(m->tensors[i].name, name))
            return &m->tensors[i];
    return NULL;
}

/* The weight NAME.PART as an initialiser; its name. */
static char *weight(struct graph *g, const char *name, const char *part,
                    int rank, const int64_t *dim)
{
    char *full = keep_string(g, name, part);
    const struct tensor *t = find(g->model, full);
    if (t && t->rank == rank &&
        !memcmp(t->dim, dim, sizeof *dim * (size_t)rank))
        add_values(g, full, dim, rank, t->data);
    else if (!g->failed)
        g->failed =
            refuse(g->why, EINVAL,
                   t ? N_("cannot export: tensor '%s' is of another shape")
                     : N_("cannot export: tensor '%s' is missing"),
                   full);
    return full;
}

static char *vector(struct graph *g, const char *name, const char *part,
                    int size)
{
    return weight(g, name, part, 1, (int64_t[]){size});
}

/* Nodes */

#define NAMES(...)                                                             \
    (char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)

static Onnx__NodeProto *add_node(struct graph *g, const char *type,
                                 const char *output, char *const *input,
                                 size_t inputs)
{
    Onnx__NodeProto *n = make(g, &onnx__node_proto__descriptor);
    n->op_type = keep_string(g, type, "");
    n->name = keep_string(g, output, "");
    n->n_input = inputs;
    n->input = keep(g, sizeof *input * inputs);
    memcpy(n->input, input, sizeof *input * inputs);
    n->n_output = 1;
    n->output = keep(g, sizeof *n->output);
    n->output[0] = n->name;
    n->attribute = keep(g, sizeof *n->attribute * 4);
    g->node[g->message.n_node++] = n;
    return n;
}

static Onnx__AttributeProto *
add_attribute(struct graph *g, Onnx__NodeProto *n, const char *name,
              Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *a = make(g, &onnx__attribute_proto__descriptor);
    a->name = keep_string(g, name, "");
    a->has_type = 1;
    a->type = type;
    n->attribute[n->n_attribute++] = a;
    return a;
}

static void add_int(struct graph *g, Onnx__NodeProto *n, const char *name,
                    int64_t value)
{
    Onnx__AttributeProto *a =
        add_attribute(g, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = 1;
    a->i = value;
}

static void add_float(struct graph *g, Onnx__NodeProto *n, const char *name,
                      float value)
{
    Onnx__AttributeProto *a =
        add_attribute(g, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    a->has_f = 1;
    a->f = value;
}

/* `count` times the same number. */
static void add_ints(struct graph *g, Onnx__NodeProto *n, const char *name,
                     int value, size_t count)
{
    Onnx__AttributeProto *a =
        add_attribute(g, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    a->ints = keep(g, sizeof *a->ints * count);
    a->n_ints = count;
    for (size_t i = 0; i < count; i++)
        a->ints[i] = value;
}

/* kernel_shape, strides and pads of a convolution or pooling. */
static void add_window(struct graph *g, Onnx__NodeProto *n,
                       const struct layer *l)
{
    add_ints(g, n, "kernel_shape", l->kernel, 2);
    add_ints(g, n, "strides", l->stride, 2);
    add_ints(g, n, "pads", l->padding, 4);
}

/* Rows of the network; each returns the name of its result. */

static char *convolution(struct graph *g, const struct layer *l, char *input)
{
    int64_t dim[] = {l->out, l->in, l->kernel, l->kernel};
    char *kernel = weight(g, l->name, ".weight", 4, dim);
    Onnx__NodeProto *n = add_node(g, "Conv", l->name, NAMES(input, kernel));
    add_window(g, n, l);
    n = add_node(g, "BatchNormalization", l->norm,
                 NAMES(n->name, vector(g, l->norm, ".weight", l->out),
                       vector(g, l->norm, ".bias", l->out),
                       vector(g, l->norm, ".running_mean", l->out),
                       vector(g, l->norm, ".running_var", l->out)));
    add_float(g, n, "epsilon", NETWORK_EPSILON);
    if (l->shortcut >= 0)
        n = add_node(g, "Add", keep_string(g, l->norm, ".add"),
                     NAMES(n->name, g->output[l->shortcut]));
    if (l->relu)
        n = add_node(g, "Relu", keep_string(g, l->norm, ".relu"),
                     NAMES(n->name));
    return n->name;
}

static char *max_pool(struct graph *g, const struct layer *l, char *input)
{
    Onnx__NodeProto *n = add_node(g, "MaxPool", l->name, NAMES(input));
    add_window(g, n, l);
    return n->name;
}

static char *mean_pool(struct graph *g, const struct layer *l, char *input)
{
    Onnx__NodeProto *n =
        add_node(g, "GlobalAveragePool", l->name, NAMES(input));
    n = add_node(g, "Flatten", keep_string(g, l->name, ".flatten"),
                 NAMES(n->name));
    add_int(g, n, "axis", 1);
    return n->name;
}

static char *linear(struct graph *g, const struct layer *l, char *input)
{
    int out = l->out ? l->out : g->model->classes;
    char *head = weight(g, l->name, ".weight", 2, (int64_t[]){out, l->in});
    Onnx__NodeProto *n =
        add_node(g, "Gemm", l->name,
                 NAMES(input, head, vector(g, l->name, ".bias", out)));
    add_int(g, n, "transB", 1);
    return n->name;
}

static char *(*const rows[])(struct graph *, const struct layer *, char *) = {
    [LAYER_CONVOLUTION] = convolution,
    [LAYER_MAX_POOL] = max_pool,
    [LAYER_MEAN_POOL] = mean_pool,
    [LAYER_LINEAR] = linear,
};

static char *normalisation(struct graph *g, char *input)
{
    static const int64_t dim[] = {3, 1, 1};
    Onnx__TensorProto *mean = add_values(g, "mean", dim, 3, network_mean);
    Onnx__TensorProto *deviation =
        add_values(g, "deviation", dim, 3, network_deviation);
    Onnx__NodeProto *n =
        add_node(g, "Sub", "image.centred", NAMES(input, mean->name));
    n = add_node(g, "Div", "image.normalised", NAMES(n->name, deviation->name));
    return n->name;
}

static void add_network(struct graph *g, char *input)
{
    const struct network *net = g->model->network;
    char *image = normalisation(g, input);
    for (int i = 0; i < net->layers; i++) {
        const struct layer *l = &net->layer[i];
        g->output[i] =
            rows[l->kind](g, l, l->input < 0 ? image : g->output[l->input]);
    }
    Onnx__NodeProto *n = add_node(g, "Softmax", "probabilities",
                                  NAMES(g->output[net->layers - 1]));
    add_int(g, n, "axis", 1);
}

/* Inputs, outputs, metadata */

/* A float tensor [N, dim…]; `meaning` are ONNX's words for the dimensions. */
static Onnx__ValueInfoProto **value_info(struct graph *g, const char *name,
                                         const char *what, const int *dim,
                                         const char *const *meaning,
                                         size_t rank)
{
    Onnx__ValueInfoProto *v = make(g, &onnx__value_info_proto__descriptor);
    Onnx__TypeProto__Tensor *t = make(g, &onnx__type_proto__tensor__descriptor);
    v->name = keep_string(g, name, "");
    v->doc_string = keep_string(g, what, "");
    v->type = make(g, &onnx__type_proto__descriptor);
    v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    v->type->tensor_type = t;
    t->has_elem_type = 1;
    t->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    t->shape = make(g, &onnx__tensor_shape_proto__descriptor);
    t->shape->n_dim = rank;
    t->shape->dim = keep(g, sizeof *t->shape->dim * rank);
    for (size_t i = 0; i < rank; i++) {
        Onnx__TensorShapeProto__Dimension *d =
            make(g, &onnx__tensor_shape_proto__dimension__descriptor);
        t->shape->dim[i] = d;
        d->denotation = meaning[i] ? keep_string(g, meaning[i], "") : NULL;
        d->value_case =
            dim[i] ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                   : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        if (dim[i])
            d->dim_value = dim[i];
        else
            d->dim_param = keep_string(g, "N", "");
    }
    Onnx__ValueInfoProto **list = keep(g, sizeof *list);
    *list = v;
    return list;
}

static void add_ends(struct graph *g)
{
    static const char *const image[] = {"DATA_BATCH", "DATA_CHANNEL",
                                        "DATA_FEATURE", "DATA_FEATURE"};
    static const char *const answer[] = {"DATA_BATCH", NULL};
    int side = g->model->image_size;
    g->message.n_input = 1;
    g->message.input = value_info(
        g, "image", "RGB, 0 to 255",
        (int[]){0, g->model->network->layer[0].in, side, side}, image, 4);
    g->message.input[0]->type->denotation = keep_string(g, "IMAGE", "");
    g->message.n_output = 1;
    g->message.output = value_info(
        g, "probabilities", "of the classes, in the order of the metadata",
        (int[]){0, g->model->classes}, answer, 2);
}

static void add_metadata(struct graph *g, Onnx__ModelProto *m,
                         const struct metadata *metadata, int count)
{
    for (int i = 0; i < count; i++) {
        Onnx__StringStringEntryProto *e =
            make(g, &onnx__string_string_entry_proto__descriptor);
        e->key = keep_string(g, metadata[i].key, "");
        e->value = keep_string(g, metadata[i].value, "");
        m->metadata_props[m->n_metadata_props++] = e;
    }
}

static void model_message(struct graph *g, Onnx__ModelProto *m,
                          const struct metadata *metadata, int count)
{
    static const struct metadata image[] = {
        /* ONNX's docs/MetadataProps.md */
        {"Image.BitmapPixelFormat", "Rgb8"},
        {"Image.ColorSpaceGamma", "SRGB"},
        {"Image.NominalPixelRange", "NominalRange_0_255"},
    };
    enum { IMAGE = sizeof image / sizeof *image };
    onnx__model_proto__init(m);
    m->has_ir_version = 1;
    m->ir_version = IR_VERSION;
    m->producer_name = keep_string(g, "primofs", "");
    m->producer_version = keep_string(g, PRIMO_VERSION, "");
    m->n_opset_import = 1;
    m->opset_import = keep(g, sizeof *m->opset_import);
    m->opset_import[0] = make(g, &onnx__operator_set_id_proto__descriptor);
    m->opset_import[0]->has_version = 1;
    m->opset_import[0]->version = OPSET;
    m->graph = &g->message;
    m->metadata_props =
        keep(g, sizeof *m->metadata_props * (size_t)(IMAGE + count));
    add_metadata(g, m, image, IMAGE);
    add_metadata(g, m, metadata, count);
}

static int message_save(const char *path, const Onnx__ModelProto *m,
                        struct reason *why)
{
    size_t size = onnx__model_proto__get_packed_size(m);
    uint8_t *bytes = malloc(size);
    if (!bytes)
        return refuse(why, ENOMEM, "no memory to write '%s'", path);
    onnx__model_proto__pack(m, bytes);
    int r = file_save(AT_FDCWD, path, bytes, size, why);
    free(bytes);
    return r;
}

int onnx_write(const char *path, const struct classifier *model,
               const struct metadata *metadata, int metadata_count,
               struct reason *why)
{
    struct graph g = {.model = model, .why = why};
    Onnx__ModelProto m;
    onnx__graph_proto__init(&g.message);
    g.message.name = keep_string(&g, model->network->name, "");
    g.message.node = g.node;
    g.message.initializer = g.tensor;
    add_ends(&g);
    add_network(&g, g.message.input[0]->name);
    model_message(&g, &m, metadata, metadata_count);
    int r = g.failed ? g.failed : message_save(path, &m, why);
    graph_release(&g);
    return r;
}
