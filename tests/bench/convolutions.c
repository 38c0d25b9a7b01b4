/*
 * Measures oneDNN's convolutions of a training step, and nothing else:
 *   convolutions f32|bf16 SIDE BATCH STEPS
 * prints images a second of the median step, after one to warm up. A step has
 * each convolution of ResNet-18, forward, and back to its source and its
 * kernel, in the layouts that oneDNN chooses. OMP_NUM_THREADS sets the threads.
 */
#include "median.h"
#include "trainer/machine/team_wait.h"
#include "trainer/net/kernels.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 1000, OPS_MAX = 3 * NETWORK_LAYERS_MAX };

struct bench {
    struct dnn *dnn;
    struct dnn_op *ops[OPS_MAX];
    int count;
};

static struct dnn_tensor tensor(const struct dnn_layout *layout)
{
    return (struct dnn_tensor){layout, dnn_alloc(dnn_layout_size(layout))};
}

/* Adds the three operations of a convolution. Nothing is freed before the
 * program ends. */
static int row_open(struct bench *b, const struct layer *row, int side,
                    int batch, struct reason *why)
{
    struct dnn_conv c =
        kernel_shape(row, batch, network_side(&networks[0], row->input, side));
    struct dnn_conv_layouts l;
    int rc = dnn_conv_choose(b->dnn, &c, true, &l, why);

    if (rc)
        return rc;
    struct dnn_tensor x = tensor(l.source);
    struct dnn_tensor y =
        tensor(dnn_activation(b->dnn, batch, c.out, dnn_conv_side(&c)));
    rc = dnn_conv_train(&b->ops[b->count++], b->dnn, &c, x, tensor(l.forward),
                        y, why);
    if (!rc)
        rc = dnn_conv_back_kernel(&b->ops[b->count++], b->dnn, &c, x,
                                  tensor(l.master), y, why);
    if (!rc && l.back)
        rc = dnn_conv_back_data(&b->ops[b->count++], b->dnn, &c, x,
                                tensor(l.back), y, why);
    return rc;
}

static int step(const struct bench *b, struct reason *why)
{
    int rc = 0;

    for (int i = 0; !rc && i < b->count; i++)
        rc = dnn_run(b->dnn, b->ops[i], why);
    return rc;
}

static int measure(bool bf16, int side, int batch, int steps, double *seconds,
                   struct reason *why)
{
    struct bench b = {0};
    int rc = dnn_open(&b.dnn, bf16 ? DNN_BF16 : DNN_F32, why);

    for (int r = 0; !rc && r < networks[0].layers; r++)
        if (networks[0].layer[r].kind == LAYER_CONVOLUTION)
            rc = row_open(&b, &networks[0].layer[r], side, batch, why);
    if (!rc)
        rc = step(&b, why);
    for (int i = 0; !rc && i < steps; i++) {
        double began = omp_get_wtime();
        rc = step(&b, why);
        seconds[i] = omp_get_wtime() - began;
    }
    return rc;
}

int main(int argc, char **argv)
{
    int steps = argc == 5 ? atoi(argv[4]) : 0;
    double seconds[STEPS_MAX];
    struct reason why = REASON_INIT;

    if (steps < 1 || steps > STEPS_MAX) {
        fprintf(stderr, "usage: convolutions f32|bf16 SIDE BATCH STEPS\n");
        return 2;
    }
    team_wait_spin_little(argv);
    if (measure(!strcmp(argv[1], "bf16"), atoi(argv[2]), atoi(argv[3]), steps,
                seconds, &why)) {
        fprintf(stderr, "convolutions: %s\n", why.sentence);
        return 1;
    }
    printf("%.2f\n", atoi(argv[3]) / median(seconds, steps));
    return 0;
}
