/*
 * Measures oneDNN's convolutions of a training step, and nothing else:
 *   convolutions f32|bf16 SIDE BATCH STEPS [NETWORK]
 * prints images a second of the median step, after one to warm up. A step has
 * each convolution of the network (resnet18) that is not depthwise, forward,
 * and back to its source and its kernel, in the layouts that oneDNN chooses.
 * OMP_NUM_THREADS sets the threads.
 */
#include "median.h"
#include "trainer/machine/team_wait.h"
#include "trainer/net/kernels.h"
#include "trainer/net/layer.h"

#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 1000, OPS_PER_ROW = 3 };

struct bench {
    const struct network *network;
    struct dnn *dnn;
    struct dnn_op **ops;
    int count;
};

static struct dnn_tensor tensor(const struct dnn_layout *layout)
{
    return (struct dnn_tensor){layout, dnn_alloc(dnn_layout_size(layout))};
}

/* Adds the three operations of a convolution. Nothing is freed before the
 * program ends. */
static int row_open(struct bench *b, int row, int side, int batch,
                    struct reason *why)
{
    const struct network *net = b->network;
    struct dnn_conv c =
        kernel_shape(&net->layer[row], batch,
                     network_side(net, network_input(net, row), side));
    struct dnn_conv_layouts l;
    int err = dnn_conv_choose(b->dnn, &c, true, &l, why);
    if (err)
        return err;
    struct dnn_tensor x = tensor(l.source);
    struct dnn_tensor y =
        tensor(dnn_activation(b->dnn, batch, c.out, dnn_conv_side(&c)));
    err = dnn_conv_train(&b->ops[b->count++], b->dnn, &c, x, tensor(l.forward),
                         y, why);
    if (!err)
        err = dnn_conv_back_kernel(&b->ops[b->count++], b->dnn, &c, x,
                                   tensor(l.master), y, why);
    if (!err && l.back)
        err = dnn_conv_back_data(&b->ops[b->count++], b->dnn, &c, x,
                                 tensor(l.back), y, why);
    return err;
}

static int step(const struct bench *b, struct reason *why)
{
    int err = 0;
    for (int i = 0; !err && i < b->count; i++)
        err = dnn_run(b->dnn, b->ops[i], why);
    return err;
}

static bool is_measured(const struct layer *l)
{
    return l->rank == 4 && l->groups <= 1;
}

static int measure(const struct network *net, bool bf16, int side, int batch,
                   int steps, double *seconds, struct reason *why)
{
    struct bench b = {.network = net};
    int err = dnn_open(&b.dnn, bf16 ? DNN_BF16 : DNN_F32, why);
    b.ops = calloc((size_t)net->layers * OPS_PER_ROW, sizeof *b.ops);
    if (!b.ops)
        return refuse(why, ENOMEM, "no memory for the ops");
    for (int r = 0; !err && r < net->layers; r++)
        if (is_measured(&net->layer[r]))
            err = row_open(&b, r, side, batch, why);
    if (!err)
        err = step(&b, why);
    for (int i = 0; !err && i < steps; i++) {
        double began = omp_get_wtime();
        err = step(&b, why);
        seconds[i] = omp_get_wtime() - began;
    }
    return err;
}

int main(int argc, char **argv)
{
    int steps = argc == 5 || argc == 6 ? atoi(argv[4]) : 0;
    const struct network *net = network_find(argc == 6 ? argv[5] : "resnet18");
    double seconds[STEPS_MAX];
    struct reason why = REASON_INIT;
    if (!net || steps < 1 || steps > STEPS_MAX) {
        fprintf(stderr, "usage: convolutions f32|bf16 SIDE BATCH STEPS "
                        "[NETWORK]\n");
        return 2;
    }
    team_wait_spin_little(argv);
    if (measure(net, !strcmp(argv[1], "bf16"), atoi(argv[2]), atoi(argv[3]),
                steps, seconds, &why)) {
        fprintf(stderr, "convolutions: %s\n", why.sentence);
        return 1;
    }
    printf("%.2f\n", atoi(argv[3]) / median(seconds, steps));
    return 0;
}
