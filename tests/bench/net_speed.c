/*
 * How fast the network trains, without pictures to read:
 *   net_speed SIDE BATCH STEPS
 * prints images a second of the median step (net_gradients() and
 * net_update()), after one that warms up. OMP_NUM_THREADS sets the threads.
 * With ONEDNN_VERBOSE=1 oneDNN prints what each of its primitives takes:
 * tests/bench/net_speed sums up.
 */
#include "net.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLASSES = 10, STEPS_MAX = 1000 };

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int step(struct net *net, const float *images, const int *labels, int n,
                struct reason *why)
{
    static const struct net_rule rule = {0.01f, 0.9f, 5e-4f};
    int rc = net_gradients(net, images, labels, n, 0.1f, why);

    return rc ? rc : net_update(net, &rule, why);
}

static int measure(struct net *net, const struct net_options *o, int steps,
                   double *seconds, struct reason *why)
{
    size_t values = (size_t)o->batch * 3 * o->image_size * o->image_size;
    float *images = malloc(values * sizeof *images);
    int *labels = malloc((size_t)o->batch * sizeof *labels), rc = 0;

    for (size_t i = 0; i < values; i++)
        images[i] = (float)(i * 2654435761u >> 7 & 255);
    for (int i = 0; i < o->batch; i++)
        labels[i] = i % CLASSES;
    rc = step(net, images, labels, o->batch, why);
    for (int i = 0; !rc && i < steps; i++) {
        double began = omp_get_wtime();
        rc = step(net, images, labels, o->batch, why);
        seconds[i] = omp_get_wtime() - began;
    }
    free(images);
    free(labels);
    return rc;
}

int main(int argc, char **argv)
{
    int steps = argc == 4 ? atoi(argv[3]) : 0;
    double seconds[STEPS_MAX];
    struct reason why = REASON_INIT;
    struct net *net;

    if (steps < 1 || steps > STEPS_MAX) {
        fprintf(stderr, "usage: net_speed SIDE BATCH STEPS\n");
        return 2;
    }
    struct net_options o = {.classes = CLASSES,
                            .image_size = atoi(argv[1]),
                            .batch = atoi(argv[2]),
                            .training = true};
    if (net_open(&net, &o, 1, &why) || measure(net, &o, steps, seconds, &why)) {
        fprintf(stderr, "net_speed: %s\n", why.sentence);
        return 1;
    }
    qsort(seconds, (size_t)steps, sizeof *seconds, by_size);
    printf("%.1f\n", o.batch / seconds[steps / 2]);
    net_free(net);
    return 0;
}
