#include "core/models/graph_check.h"

#include "core/basic/alloc.h"
#include "core/network/network.h"
#include "core/network/safetensors_header.h"
#include "core/system/file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Protocol buffers: a field is a key, field number << 3 | wire type, and what
 * the wire type says. https://protobuf.dev/programming-guides/encoding */
enum {
    WIRE_VARINT = 0,
    WIRE_8_BYTES = 1,
    WIRE_LENGTH = 2,
    WIRE_4_BYTES = 5,
};
#define NUMBER(field) ((field) << 3 | WIRE_VARINT)
#define BYTES(field)  ((field) << 3 | WIRE_LENGTH)
#define FLOAT(field)  ((field) << 3 | WIRE_4_BYTES)

enum { NAME_BYTES = 64, DIMS = 4, DATA_FLOAT = 1 /* ONNX's word for f32 */ };

struct check {
    int fd, weights;
    struct safetensors_header header; /* the header of model.safetensors */
    bool *seen;                       /* which of the tensors the graph has */
    bool version, graph;
};

/* Where a message or a field's bytes lie in the file. */
struct span {
    uint64_t at, end;
};

struct field {
    uint64_t key;
    uint64_t number;   /* the value, where the wire type is WIRE_VARINT */
    struct span bytes; /* the value, where the wire type is WIRE_LENGTH */
};

/* Reading */

/* A number at the beginning of *s, which moves behind it. */
static bool number_read(int fd, struct span *s, uint64_t *out)
{
    uint8_t bytes[10];
    ssize_t n = pread(fd, bytes, sizeof bytes, (off_t)s->at);
    *out = 0;
    for (ssize_t i = 0; i < n && s->at < s->end; i++) {
        *out |= (uint64_t)(bytes[i] & 0x7F) << (7 * i);
        s->at++;
        if (bytes[i] < 0x80)
            return true;
    }
    return false;
}

static bool field_read(int fd, struct span *s, struct field *f)
{
    *f = (struct field){0};
    if (!number_read(fd, s, &f->key))
        return false;
    unsigned wire = f->key & 7;
    uint64_t size = wire == WIRE_8_BYTES ? 8 : wire == WIRE_4_BYTES ? 4 : 0;
    if (wire == WIRE_VARINT)
        return number_read(fd, s, &f->number);
    if (wire == WIRE_LENGTH ? !number_read(fd, s, &size) : !size)
        return false;
    if (size > s->end - s->at)
        return false;
    f->bytes = (struct span){s->at, s->at + size};
    s->at += size;
    return true;
}

/* A string of less than NAME_BYTES without a NUL. */
static bool string_read(int fd, struct span s, char out[NAME_BYTES])
{
    size_t size = (size_t)(s.end - s.at);
    if (size >= NAME_BYTES || descriptor_read_at(fd, out, size, s.at))
        return false;
    out[size] = 0;
    return strlen(out) == size;
}

static int refuse_at(uint64_t at, struct reason *why)
{
    return refuse(why, EINVAL, "not an ONNX model: byte %llu",
                  (unsigned long long)at);
}

/* What a message may hold: the fields that we write, and what is done with
 * them; NULL = they only have to be well formed. */
struct row {
    uint64_t key;
    int (*take)(struct check *c, const struct field *f, struct reason *why);
};

static int message_walk(struct check *c, const char *what,
                        const struct row *rows, size_t count, struct span s,
                        struct reason *why)
{
    while (s.at < s.end) {
        struct field f;
        size_t i = 0;
        uint64_t at = s.at;
        if (!field_read(c->fd, &s, &f))
            return refuse_at(at, why);
        while (i < count && rows[i].key != f.key)
            i++;
        if (i == count)
            return refuse(why, EINVAL,
                          "its %s has a field %llu, which is not "
                          "one of a model of ours",
                          what, (unsigned long long)f.key >> 3);
        int err = rows[i].take ? rows[i].take(c, &f, why) : 0;
        if (err)
            return err;
    }
    return 0;
}

#define ROWS(rows) rows, sizeof(rows) / sizeof *(rows)

/* Constants */

struct constant {
    char name[NAME_BYTES];
    uint64_t dim[DIMS], type;
    int rank, names, data_fields;
    struct span data;
};

/* One dimension, or several in one field. */
static bool dims_take(int fd, struct constant *t, const struct field *f)
{
    struct span s = f->bytes;
    uint64_t dim = f->number;
    bool packed = f->key == BYTES(1);
    do {
        if (packed && s.at < s.end && !number_read(fd, &s, &dim))
            return false;
        if (t->rank == DIMS)
            return false;
        t->dim[t->rank++] = dim;
    } while (packed && s.at < s.end);
    return true;
}

static bool constant_field(int fd, struct constant *t, const struct field *f)
{
    switch (f->key) {
    case NUMBER(1):
    case BYTES(1):
        return dims_take(fd, t, f);
    case NUMBER(2):
        t->type = f->number;
        return true;
    case BYTES(8):
        t->names++;
        return string_read(fd, f->bytes, t->name);
    case BYTES(9):
        t->data_fields++;
        t->data = f->bytes;
        return true;
    default: /* external data, other kinds of numbers, parts of tensors */
        return false;
    }
}

static bool constant_read(int fd, struct span s, struct constant *t)
{
    struct field f;
    *t = (struct constant){0};
    while (s.at < s.end)
        if (!field_read(fd, &s, &f) || !constant_field(fd, t, &f))
            return false;
    return t->names == 1 && t->data_fields == 1 && t->type == DATA_FLOAT;
}

static bool same_bytes(int a, uint64_t at, int b, uint64_t there, uint64_t size)
{
    enum { PIECE = 1 << 16 };
    static _Thread_local char x[PIECE], y[PIECE];
    while (size > 0) {
        size_t n = size < PIECE ? (size_t)size : PIECE;
        if (descriptor_read_at(a, x, n, at) ||
            descriptor_read_at(b, y, n, there) || memcmp(x, y, n))
            return false;
        at += n;
        there += n;
        size -= n;
    }
    return true;
}

static bool is_weight(struct check *c, const struct constant *t)
{
    const struct tensor_place *p = safetensors_header_find(&c->header, t->name);
    if (!p || p->type != DTYPE_F32 || p->rank != t->rank ||
        c->seen[p - c->header.place] ||
        p->end - p->begin != t->data.end - t->data.at)
        return false;
    for (int i = 0; i < t->rank; i++)
        if ((uint64_t)p->dim[i] != t->dim[i])
            return false;
    c->seen[p - c->header.place] = true;
    return same_bytes(c->fd, t->data.at, c->weights, c->header.data + p->begin,
                      p->end - p->begin);
}

static bool is_of_pictures(struct check *c, const struct constant *t)
{
    const float *wanted = !strcmp(t->name, "mean")        ? network_mean
                          : !strcmp(t->name, "deviation") ? network_deviation
                                                          : NULL;
    float values[3];
    return wanted && t->data.end - t->data.at == sizeof values &&
           descriptor_read_at(c->fd, values, sizeof values, t->data.at) == 0 &&
           !memcmp(values, wanted, sizeof values);
}

static int constant_take(struct check *c, const struct field *f,
                         struct reason *why)
{
    struct constant t;
    if (!constant_read(c->fd, f->bytes, &t))
        return refuse(why, EINVAL,
                      "a constant is not of plain numbers in the "
                      "file itself");
    if (!is_of_pictures(c, &t) && !is_weight(c, &t))
        return refuse(why, EINVAL,
                      "the constant '%s' is not that of "
                      "model.safetensors",
                      t.name);
    return 0;
}

/* Nodes */

static int operator_take(struct check *c, const struct field *f,
                         struct reason *why)
{
    static const char *const operators[] = {
        "Sub",     "Div",     "Conv",       "BatchNormalization", "Add",
        "Relu",    "MaxPool", "Flatten",    "GlobalAveragePool",  "Gemm",
        "Softmax", "Mul",     "HardSigmoid"};
    char name[NAME_BYTES] = "?";
    if (string_read(c->fd, f->bytes, name))
        for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
            if (!strcmp(operators[i], name))
                return 0;
    return refuse(why, EINVAL,
                  "it has an operator '%.60s', which our networks "
                  "have not",
                  name);
}

/* Numbers; no tensor and no graph. */
static int attribute_take(struct check *c, const struct field *f,
                          struct reason *why)
{
    static const struct row rows[] = {
        {BYTES(1), NULL}, {FLOAT(2), NULL},  {NUMBER(3), NULL},
        {BYTES(8), NULL}, {NUMBER(8), NULL}, {NUMBER(20), NULL},
    };
    return message_walk(c, "attribute", ROWS(rows), f->bytes, why);
}

static int node_take(struct check *c, const struct field *f, struct reason *why)
{
    static const struct row rows[] = {
        {BYTES(1), NULL},          {BYTES(2), NULL},           {BYTES(3), NULL},
        {BYTES(4), operator_take}, {BYTES(5), attribute_take},
    };
    return message_walk(c, "node", ROWS(rows), f->bytes, why);
}

/* The model */

static int graph_take(struct check *c, const struct field *f,
                      struct reason *why)
{
    static const struct row rows[] = {
        {BYTES(1), node_take}, {BYTES(2), NULL},  {BYTES(5), constant_take},
        {BYTES(11), NULL},     {BYTES(12), NULL},
    };
    c->graph |= f->bytes.at < f->bytes.end;
    return message_walk(c, "graph", ROWS(rows), f->bytes, why);
}

static int version_take(struct check *c, const struct field *f,
                        struct reason *why)
{
    (void)why;
    c->version |= f->number > 0;
    return 0;
}

static int model_walk(struct check *c, uint64_t size, struct reason *why)
{
    static const struct row rows[] = {
        {NUMBER(1), version_take}, {BYTES(2), NULL}, {BYTES(3), NULL},
        {BYTES(7), graph_take},    {BYTES(8), NULL}, {BYTES(14), NULL},
    };
    int err = message_walk(c, "model", ROWS(rows), (struct span){0, size}, why);
    if (err == 0 && (!c->version || !c->graph))
        err = refuse(why, EINVAL, "not an ONNX model: it has no %s",
                     c->version ? "graph" : "ir_version");
    for (int i = 0; i < c->header.count && err == 0; i++)
        if (c->header.place[i].type == DTYPE_F32 && !c->seen[i])
            err = refuse(why, EINVAL, "it has no constant '%s'",
                         c->header.place[i].name);
    return err;
}

static int header_load(struct check *c, struct reason *why)
{
    char start[SAFETENSORS_SIZE_BYTES];
    size_t size = 0;
    int err = descriptor_read_at(c->weights, start, sizeof start, 0);
    if (err)
        return refuse_errno(why, -err, "the weights cannot be read");
    err = safetensors_header_size(start, &size, why);
    if (err)
        return err;
    char *text = xmalloc(size);
    err = descriptor_read_at(c->weights, text, size, sizeof start);
    err = err ? refuse_errno(why, -err, "the weights cannot be read")
              : safetensors_header_parse(&c->header, text, size, why);
    free(text);
    return err;
}

int graph_check(int fd, uint64_t size, int weights, struct reason *why)
{
    struct check c = {
        .fd = fd, .weights = weights, .header = SAFETENSORS_HEADER_INIT};
    int err = header_load(&c, why);
    if (err)
        return err;
    c.seen = xcalloc((size_t)c.header.count + 1, sizeof *c.seen);
    err = model_walk(&c, size, why);
    free(c.seen);
    safetensors_header_release(&c.header);
    return err;
}
