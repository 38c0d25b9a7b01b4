#include "trainer/files/graph.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <onnx.pb-c.h>
#include <stdlib.h>
#include <string.h>

enum {
    IR_VERSION = 7, /* the one that came with opset 13 */
    OPSET = 13,     /* what OpenCV 4.6's dnn reads, and all since */
    ATTRIBUTES_MAX = 4,
};

/* The messages live until graph_free(); the weights are the caller's. */
struct graph {
    const struct tensor *tensors;
    int tensor_count, classes;
    int side; /* of the present row's result, in pixels */
    struct reason *why;
    int err; /* the first error */
    struct kept *kept;
    Onnx__NodeProto **node; /* owned; grows */
    Onnx__TensorProto **initializer;
    size_t node_room, initializer_room;
    Onnx__GraphProto message;
};

/* Memory */

struct kept {
    struct kept *next;
    max_align_t bytes[];
};

/* Allocates zeroed memory that lives as long as the graph. */
static void *keep(struct graph *g, size_t size)
{
    struct kept *k = xcalloc(1, sizeof *k + size);
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

/* Makes an initialised message of protobuf-c. */
static void *make(struct graph *g, const ProtobufCMessageDescriptor *kind)
{
    void *m = keep(g, kind->sizeof_message);
    protobuf_c_message_init(kind, m);
    return m;
}

/* Life cycle */

struct graph *graph_open(const char *name, const struct tensor *tensors,
                         int tensor_count, int classes, struct reason *why)
{
    struct graph *g = xcalloc(1, sizeof *g);
    g->tensors = tensors;
    g->tensor_count = tensor_count;
    g->classes = classes;
    g->why = why;
    onnx__graph_proto__init(&g->message);
    g->message.name = keep_string(g, name, "");
    return g;
}

void graph_free(struct graph *g)
{
    while (g->kept) {
        struct kept *next = g->kept->next;
        free(g->kept);
        g->kept = next;
    }
    free(g->node);
    free(g->initializer);
    free(g);
}

/* Tensors */

const char *graph_constant(struct graph *g, const char *name,
                           const int64_t *dim, int rank, const float *values)
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
    ALLOC_GROW(g->initializer, g->message.n_initializer + 1,
               g->initializer_room);
    g->initializer[g->message.n_initializer++] = t;
    return t->name;
}

static const struct tensor *find(const struct graph *g, const char *name)
{
    for (int i = 0; i < g->tensor_count; i++)
        if (!strcmp(g->tensors[i].name, name))
            return &g->tensors[i];
    return NULL;
}

const char *graph_weight(struct graph *g, const struct layer *l,
                         enum weight_part part)
{
    struct weight_shape want;
    layer_weight(l, part, g->classes, &want);
    const struct tensor *t = find(g, want.name);
    if (t && t->rank == want.rank &&
        !memcmp(t->dim, want.dim, sizeof *t->dim * (size_t)t->rank))
        return graph_constant(g, want.name, want.dim, want.rank, t->data);
    if (!g->err)
        g->err = refuse(g->why, EINVAL,
                        t ? N_("cannot export: tensor '%s' is of another shape")
                          : N_("cannot export: tensor '%s' is missing"),
                        want.name);
    return keep_string(g, want.name, "");
}

/* Nodes */

void graph_row(struct graph *g, int side)
{
    g->side = side;
}

const char *graph_node(struct graph *g, const char *type, const char *name,
                       const char *suffix, const char *const *input)
{
    Onnx__NodeProto *n = make(g, &onnx__node_proto__descriptor);
    while (input[n->n_input])
        n->n_input++;
    n->op_type = keep_string(g, type, "");
    n->name = keep_string(g, name, suffix);
    n->input = keep(g, sizeof *n->input * n->n_input);
    for (size_t i = 0; i < n->n_input; i++)
        n->input[i] = keep_string(g, input[i], "");
    n->n_output = 1;
    n->output = keep(g, sizeof *n->output);
    n->output[0] = n->name;
    n->attribute = keep(g, sizeof *n->attribute * ATTRIBUTES_MAX);
    ALLOC_GROW(g->node, g->message.n_node + 1, g->node_room);
    g->node[g->message.n_node++] = n;
    return n->name;
}

/* Adds an attribute to the last node. */
static Onnx__AttributeProto *
add_attribute(struct graph *g, const char *name,
              Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *a = make(g, &onnx__attribute_proto__descriptor);
    Onnx__NodeProto *n = g->node[g->message.n_node - 1];
    if (n->n_attribute == ATTRIBUTES_MAX)
        abort(); /* a layer has outgrown the constant */
    a->name = keep_string(g, name, "");
    a->has_type = 1;
    a->type = type;
    n->attribute[n->n_attribute++] = a;
    return a;
}

void graph_int(struct graph *g, const char *name, int64_t value)
{
    Onnx__AttributeProto *a =
        add_attribute(g, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = 1;
    a->i = value;
}

void graph_float(struct graph *g, const char *name, float value)
{
    Onnx__AttributeProto *a =
        add_attribute(g, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    a->has_f = 1;
    a->f = value;
}

/* Adds an attribute that is a list of a number for each direction, repeated. */
static void add_ints(struct graph *g, const char *name, int down, int right,
                     size_t count)
{
    Onnx__AttributeProto *a =
        add_attribute(g, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    a->ints = keep(g, sizeof *a->ints * count);
    a->n_ints = count;
    for (size_t i = 0; i < count; i++)
        a->ints[i] = i % 2 ? right : down;
}

void graph_window(struct graph *g, const struct layer *l)
{
    add_ints(g, "kernel_shape", l->kernel, l->kernel, 2);
    add_ints(g, "strides", l->stride, l->stride, 2);
    add_ints(g, "pads", l->padding, l->padding, 4);
    if (l->groups > 1)
        graph_int(g, "group", l->groups);
}

const char *graph_norm(struct graph *g, const struct layer *l, const char *x)
{
    const char *gamma = graph_weight(g, l, WEIGHT_GAMMA);
    const char *beta = graph_weight(g, l, WEIGHT_BETA);
    const char *mean = graph_weight(g, l, WEIGHT_MEAN);
    const char *variance = graph_weight(g, l, WEIGHT_VARIANCE);
    x = graph_node(g, "BatchNormalization", l->norm, "",
                   GRAPH_NAMES(x, gamma, beta, mean, variance));
    graph_float(g, "epsilon", l->epsilon);
    return x;
}

/* The maximum of a window that holds but one pixel and padding, which does not
 * count, first down and then to the right. A product would repeat the pixel by
 * itself, but that of OpenCV 4.6 does not where there are several pictures. */
const char *graph_spread(struct graph *g, const char *name, const char *x)
{
    for (int right = 0; right < 2 && g->side > 1; right++) {
        int h = right ? 1 : g->side, w = right ? g->side : 1;
        x = graph_node(g, "MaxPool", name, right ? ".right" : ".down",
                       GRAPH_NAMES(x));
        add_ints(g, "kernel_shape", h, w, 2);
        add_ints(g, "strides", 1, 1, 2);
        add_ints(g, "pads", h - 1, w - 1, 4);
    }
    return x;
}

/* The hard swish is two nodes, as it is an operator only from opset 14 on. */
const char *graph_activation(struct graph *g, const struct layer *l,
                             const char *name, const char *x)
{
    if (l->activation == ACTIVATION_NONE)
        return x;
    if (l->activation == ACTIVATION_RELU)
        return graph_node(g, "Relu", name, ".relu", GRAPH_NAMES(x));
    const char *gate =
        graph_node(g, "HardSigmoid", name, ".gate", GRAPH_NAMES(x));
    graph_float(g, "alpha", 1.0f / 6);
    graph_float(g, "beta", 0.5f);
    if (l->activation == ACTIVATION_HARD_SIGMOID)
        return gate;
    return graph_node(g, "Mul", name, ".swish", GRAPH_NAMES(x, gate));
}

/* Inputs, outputs, metadata */

/* Makes a dimension of this size; 0 stands for the number of pictures. */
static Onnx__TensorShapeProto__Dimension *dimension(struct graph *g, int size,
                                                    const char *meaning)
{
    Onnx__TensorShapeProto__Dimension *d =
        make(g, &onnx__tensor_shape_proto__dimension__descriptor);
    d->denotation = meaning ? keep_string(g, meaning, "") : NULL;
    d->value_case = size ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                         : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    if (size)
        d->dim_value = size;
    else
        d->dim_param = keep_string(g, "N", "");
    return d;
}

static Onnx__ValueInfoProto *value_info(struct graph *g,
                                        const struct graph_end *end)
{
    Onnx__ValueInfoProto *v = make(g, &onnx__value_info_proto__descriptor);
    Onnx__TypeProto__Tensor *t = make(g, &onnx__type_proto__tensor__descriptor);
    v->name = keep_string(g, end->name, "");
    v->doc_string = keep_string(g, end->what, "");
    v->type = make(g, &onnx__type_proto__descriptor);
    if (end->kind)
        v->type->denotation = keep_string(g, end->kind, "");
    v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    v->type->tensor_type = t;
    t->has_elem_type = 1;
    t->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    t->shape = make(g, &onnx__tensor_shape_proto__descriptor);
    t->shape->n_dim = (size_t)end->rank;
    t->shape->dim = keep(g, sizeof *t->shape->dim * t->shape->n_dim);
    for (int i = 0; i < end->rank; i++)
        t->shape->dim[i] = dimension(g, end->dim[i], end->meaning[i]);
    return v;
}

const char *graph_input(struct graph *g, const struct graph_end *end)
{
    g->message.n_input = 1;
    g->message.input = keep(g, sizeof *g->message.input);
    g->message.input[0] = value_info(g, end);
    return g->message.input[0]->name;
}

void graph_output(struct graph *g, const struct graph_end *end)
{
    g->message.n_output = 1;
    g->message.output = keep(g, sizeof *g->message.output);
    g->message.output[0] = value_info(g, end);
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
    int err = file_save(AT_FDCWD, path, bytes, size, why);
    free(bytes);
    return err;
}

int graph_save(struct graph *g, const char *path,
               const struct metadata *metadata, int count)
{
    Onnx__ModelProto m;
    if (g->err)
        return g->err;
    g->message.node = g->node;
    g->message.initializer = g->initializer;
    model_message(g, &m, metadata, count);
    return message_save(path, &m, g->why);
}
