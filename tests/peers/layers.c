/*
 * Single layers of the trainer, for tests/peers/layers.py:
 *   layers f32|bf16 FOLDER KIND NUMBER…
 * reads the tensors of FOLDER/in, runs the layer forward and back, and writes
 * what came out to FOLDER/out; `kinds` at the end has the numbers. All tensors
 * are in PyTorch's shapes, in f32 that bf16 holds exactly where it is bf16.
 */
#include "core/network/network.h"
#include "trainer/files/safetensors.h"
#include "trainer/loops/kernel_gradient.h"
#include "trainer/loops/norm_pool.h"
#include "trainer/net/kernels.h"
#include "trainer/net/loss.h"
#include "trainer/net/optimizer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUT_MAX = 16 };

struct bench {
    enum dnn_type type;
    struct dnn *dnn;
    struct safetensors in;
    struct tensor out[OUT_MAX];
    int count;
    struct reason why;
    const int *number;
};

static void quit(const char *what)
{
    fprintf(stderr, "layers: %s\n", what);
    exit(1);
}

/* Ends the program if a function has returned -errno. */
static void good(struct bench *b, int err)
{
    if (err)
        quit(b->why.sentence);
}

/* NULL if there is none. */
static const struct tensor *input(const struct bench *b, const char *name)
{
    for (int i = 0; i < b->in.count; i++)
        if (!strcmp(b->in.tensors[i].name, name))
            return &b->in.tensors[i];
    return NULL;
}

static float *data(const struct bench *b, const char *name)
{
    const struct tensor *t = input(b, name);
    return t ? t->data : NULL;
}

/* Memory for a result of a shape, which is written at the end. */
static float *result(struct bench *b, const char *name, int rank, ...)
{
    struct tensor *t = &b->out[b->count++];
    va_list ap;
    *t = (struct tensor){.rank = rank, .dim = {1, 1, 1, 1}};
    snprintf(t->name, sizeof t->name, "%s", name);
    va_start(ap, rank);
    for (int i = 0; i < rank; i++)
        t->dim[i] = va_arg(ap, int);
    va_end(ap);
    t->data = dnn_alloc(tensor_count(t) * sizeof(float));
    return t->data;
}

/* Activations and kernels in the layouts of the network */

static struct dnn_tensor room(const struct dnn_layout *layout)
{
    return (struct dnn_tensor){layout, dnn_alloc(dnn_layout_size(layout))};
}

static struct dnn_tensor plain(struct bench *b, int rank, const int64_t *dim,
                               float *values)
{
    return (struct dnn_tensor){dnn_plain(b->dnn, DNN_F32, rank, dim), values};
}

static struct dnn_tensor taken(struct bench *b, const char *name,
                               const struct dnn_layout *layout)
{
    const struct tensor *t = input(b, name);
    if (!t)
        return (struct dnn_tensor){NULL, NULL};
    struct dnn_tensor to = room(layout);
    good(b,
         dnn_reorder(b->dnn, plain(b, t->rank, t->dim, t->data), to, &b->why));
    return to;
}

static void given(struct bench *b, struct dnn_tensor from, const char *name,
                  int n, int channels, int height, int width)
{
    float *values = result(b, name, 4, n, channels, height, width);
    int64_t dim[] = {n, channels, height, width};
    good(b, dnn_reorder(b->dnn, from, plain(b, 4, dim, values), &b->why));
}

/* Runs the operation that was made at *op with that return code. */
static void run(struct bench *b, int err, struct dnn_op **op)
{
    good(b, err);
    good(b, dnn_run(b->dnn, *op, &b->why));
    dnn_op_free(*op);
}

/* Convolution */

static void own_kernel_gradient(struct bench *b, const struct dnn_conv *c,
                                struct dnn_tensor x, struct dnn_tensor dy)
{
    struct dnn_tensor dw = room(dnn_kernel_in_blocks(b->dnn, c));
    struct kernel_gradient g = kernel_gradient_of(b->dnn, c);
    g.source = x.data;
    g.d_result = dy.data;
    g.d_kernel = dw.data;
    g.work = dnn_alloc(kernel_gradient_work(&g) * sizeof *g.work);
    kernel_gradient(&g);
    free(g.work);
    given(b, dw, "own dw", c->out, c->in, c->kernel, c->kernel);
}

static void conv_back(struct bench *b, const struct dnn_conv *c,
                      const struct dnn_conv_layouts *l, struct dnn_tensor x)
{
    int side = dnn_conv_side(c);
    struct dnn_tensor dw = room(l->master), dx = room(l->source);
    struct dnn_tensor dy =
        taken(b, "dy", dnn_activation(b->dnn, c->n, c->out, side));
    struct dnn_op *op;
    run(b, dnn_conv_back_kernel(&op, b->dnn, c, x, dw, dy, &b->why), &op);
    given(b, dw, "dw", c->out, c->in, c->kernel, c->kernel);
    if (kernel_gradient_fits(c->in, c->out, dnn_block(b->dnn)))
        own_kernel_gradient(b, c, x, dy);
    if (c->in == 3)
        return; /* the gradient of pictures is never needed */
    run(b,
        dnn_conv_back_data(&op, b->dnn, c, dx, taken(b, "w", l->back), dy,
                           &b->why),
        &op);
    given(b, dx, "dx", c->n, c->in, c->side, c->side);
}

/* As in an evaluation, with bias, addend and ReLU fused. */
static void conv_infer(struct bench *b, const struct dnn_conv *c)
{
    int side = dnn_conv_side(c);
    struct dnn_conv_layouts l;
    const struct dnn_layout *out = dnn_activation(b->dnn, c->n, c->out, side);
    struct dnn_op *op;
    good(b, dnn_conv_choose(b->dnn, c, false, &l, &b->why));
    const struct dnn_conv_infer fused = {
        .conv = *c,
        .source = taken(b, "x", l.source),
        .kernel = taken(b, "w", l.forward),
        .bias = plain(b, 1, input(b, "b")->dim, data(b, "b")),
        .result = taken(b, "add", out),
        .sum = true,
        .activation = ACTIVATION_RELU,
    };
    run(b, dnn_conv_infer(&op, b->dnn, &fused, &b->why), &op);
    given(b, fused.result, "infer", c->n, c->out, side, side);
}

static void convolution(struct bench *b)
{
    const int *k = b->number;
    struct dnn_conv c = {k[0], k[1], k[2], k[3], k[4], k[5], k[6]};
    int side = dnn_conv_side(&c);
    struct dnn_conv_layouts l;
    struct dnn_op *op;
    good(b, dnn_conv_choose(b->dnn, &c, true, &l, &b->why));
    struct dnn_tensor x = taken(b, "x", l.source);
    struct dnn_tensor y = room(dnn_activation(b->dnn, c.n, c.out, side));
    run(b,
        dnn_conv_train(&op, b->dnn, &c, x, taken(b, "w", l.forward), y,
                       &b->why),
        &op);
    given(b, y, "y", c.n, c.out, side, side);
    conv_back(b, &c, &l, x);
    conv_infer(b, &c);
}

/* Normalisation */

static float *copied(struct bench *b, const char *name)
{
    const struct tensor *t = input(b, name);
    float *to = result(b, name, 1, (int)t->dim[0]);
    return memcpy(to, t->data, tensor_count(t) * sizeof *to);
}

static struct norm norm_of(struct bench *b, int n, int channels, int rows)
{
    int block = dnn_block(b->dnn) ? dnn_block(b->dnn) : channels;
    return (struct norm){
        .n = n,
        .channels = channels,
        .rows = rows,
        .block = block,
        .bf16 = b->type == DNN_BF16,
        .gamma = copied(b, "gamma"),
        .beta = copied(b, "beta"),
        .mean = result(b, "mean", 1, channels),
        .variance = result(b, "variance", 1, channels),
        .work = dnn_alloc(norm_work(n, channels, rows, block) * sizeof(float)),
    };
}

static void normalisation(struct bench *b)
{
    const int *k = b->number;
    int n = k[0], channels = k[1], side = k[2];
    const struct dnn_layout *l = dnn_activation(b->dnn, n, channels, side);
    struct norm q = norm_of(b, n, channels, side * side);
    struct dnn_tensor y = room(l), dx = room(l), d_sum = room(l);
    q.activation = k[3];
    q.epsilon = NORM_EPSILON;
    q.x = taken(b, "x", l).data;
    q.add = taken(b, "add", l).data;
    q.y = y.data;
    struct norm_back back = {
        .forward = &q,
        .d_out = taken(b, "dy", l).data,
        .d_more = taken(b, "more", l).data,
        .d_sum = q.add ? d_sum.data : NULL,
        .d_x = dx.data,
        .d_gamma = result(b, "dgamma", 1, channels),
        .d_beta = result(b, "dbeta", 1, channels),
    };
    norm_forward(&q);
    norm_backward(&back);
    given(b, y, "y", n, channels, side, side);
    given(b, dx, "dx", n, channels, side, side);
    if (q.add)
        given(b, d_sum, "dadd", n, channels, side, side);
}

static void stem(struct bench *b)
{
    int n = b->number[0], channels = b->number[1], side = b->number[2];
    int to = norm_pool_side(side);
    const struct dnn_layout *l = dnn_activation(b->dnn, n, channels, side);
    const struct dnn_layout *pooled = dnn_activation(b->dnn, n, channels, to);
    struct dnn_tensor y = room(pooled), dx = room(l);
    struct norm_pool q = {.norm = norm_of(b, n, channels, side * side),
                          .side = side,
                          .top = room(pooled).data,
                          .place = dnn_alloc(dnn_layout_size(pooled))};
    q.norm.activation = ACTIVATION_RELU;
    q.norm.epsilon = NORM_EPSILON;
    q.norm.x = taken(b, "x", l).data;
    q.norm.y = y.data;
    struct norm_pool_back back = {
        .forward = &q,
        .d_out = taken(b, "dy", pooled).data,
        .d_sum = room(pooled).data,
        .d_x = dx.data,
        .d_gamma = result(b, "dgamma", 1, channels),
        .d_beta = result(b, "dbeta", 1, channels),
    };
    norm_pool_forward(&q);
    norm_pool_backward(&back);
    given(b, y, "y", n, channels, to, to);
    given(b, dx, "dx", n, channels, side, side);
}

/* The end of the network */

static void mean_pooling(struct bench *b)
{
    int n = b->number[0], channels = b->number[1], side = b->number[2];
    struct dnn_pooling p = {DNN_POOL_MEAN, side, side, 1, 0, n, channels};
    const struct dnn_layout *l = dnn_activation(b->dnn, n, channels, side);
    const struct dnn_layout *one = dnn_activation(b->dnn, n, channels, 1);
    struct dnn_tensor y = room(one), dx = room(l);
    struct dnn_op *op;
    run(b, dnn_pool(&op, b->dnn, &p, taken(b, "x", l), y, &b->why), &op);
    run(b, dnn_pool_back(&op, b->dnn, &p, dx, taken(b, "dy", one), &b->why),
        &op);
    given(b, y, "y", n, channels, 1, 1);
    given(b, dx, "dx", n, channels, side, side);
}

static void head(struct bench *b)
{
    int n = b->number[0], in = b->number[1], out = b->number[2];
    struct dnn_head h = {
        data(b, "x"), data(b, "w"), data(b, "b"), result(b, "y", 2, n, out), n,
        in,           out};
    struct dnn_head back = {result(b, "dx", 2, n, in),
                            result(b, "dw", 2, out, in),
                            result(b, "db", 1, out),
                            data(b, "dy"),
                            n,
                            in,
                            out};
    struct dnn_op *op;
    run(b, dnn_head(&op, b->dnn, &h, true, &b->why), &op);
    run(b, dnn_head_back_weight(&op, b->dnn, &back, h.source, &b->why), &op);
    run(b, dnn_head_back_data(&op, b->dnn, &back, h.weight, &b->why), &op);
}

/* The smoothing is in thousandths. */
static void loss(struct bench *b)
{
    int n = b->number[0], classes = b->number[1];
    struct loss by = {classes, (float)b->number[2] / 1000, data(b, "weights")};
    const float *names = data(b, "labels");
    int *labels = calloc((size_t)n, sizeof *labels);
    for (int i = 0; i < n; i++)
        labels[i] = (int)names[i];
    loss_softmax(data(b, "x"), n, classes, result(b, "p", 2, n, classes));
    *result(b, "loss", 1, 1) = loss_gradient(&by, data(b, "x"), labels, n,
                                             result(b, "dx", 2, n, classes));
    free(labels);
}

/* Rate, momentum and decay are in millionths; then the number of steps. */
static void optimiser(struct bench *b)
{
    const int *k = b->number;
    struct optimizer_rule rule = {(float)k[0] / 1e6f, (float)k[1] / 1e6f,
                                  (float)k[2] / 1e6f};
    size_t count = tensor_count(input(b, "value"));
    float *value = copied(b, "value");
    float *momentum = result(b, "momentum", 1, (int)count);
    float *average = result(b, "average", 1, (int)count);
    memcpy(average, value, count * sizeof *average);
    for (int i = 0; i < k[3]; i++) {
        char name[32];
        snprintf(name, sizeof name, "gradient.%d", i);
        optimizer_step(&rule, value, momentum, data(b, name), count);
        optimizer_average(average, value, count, 0.25f);
    }
}

static const struct kind {
    const char *name;
    void (*run)(struct bench *b);
    int numbers;
} kinds[] = {
    {"convolution", convolution, 7}, /* n in out side kernel stride padding */
    {"normalisation", normalisation, 4}, /* n channels side relu */
    {"stem", stem, 3},                   /* n channels side */
    {"mean", mean_pooling, 3},           /* n channels side */
    {"head", head, 3},                   /* n in out */
    {"loss", loss, 3},                   /* n classes smoothing */
    {"optimiser", optimiser, 4},         /* rate momentum decay steps */
};

int main(int argc, char **argv)
{
    struct bench b = {.in = SAFETENSORS_INIT, .why = REASON_INIT};
    int number[8] = {0};
    for (int i = 4; i < argc && i < 12; i++)
        number[i - 4] = atoi(argv[i]);
    b.number = number;
    b.type = argc > 1 && !strcmp(argv[1], "bf16") ? DNN_BF16 : DNN_F32;
    for (size_t i = 0; argc > 3 && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, argv[3]) || argc != 4 + kinds[i].numbers)
            continue;
        if (chdir(argv[2]))
            quit("no such folder");
        good(&b, dnn_open(&b.dnn, b.type, &b.why));
        good(&b, safetensors_read(&b.in, "in", &b.why));
        kinds[i].run(&b);
        good(&b, safetensors_write("out", b.out, b.count, NULL, 0, &b.why));
        _exit(0); /* what the layer has made ends with the program */
    }
    quit("usage: layers f32|bf16 FOLDER KIND NUMBER…");
}
