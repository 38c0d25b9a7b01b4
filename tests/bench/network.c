/*
 * Measures the network alone, without pictures to read:
 *   network train|predict f32|bf16 SIDE BATCH STEPS [NETWORK]
 * with torchvision's name of the network (resnet18) prints images a second of
 * the median step, after one to warm up. A training step is net_gradients() and
 * net_update(). OMP_NUM_THREADS sets the threads.
 */
#include "median.h"
#include "trainer/machine/team_wait.h"
#include "trainer/net/net.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 10, STEPS_MAX = 1000 };

struct bench {
    struct net *net;
    struct net_options options;
    float *images, *answers;
    int *labels;
};

static int step(const struct bench *b, struct reason *why)
{
    static const struct net_rule rule = {{0.01f, 0.9f, 5e-4f}, 0};
    int n = b->options.batch;

    if (!b->options.training)
        return net_predict(b->net, b->images, n, b->answers, why);
    int rc = net_gradients(b->net, b->images, b->labels, n, 0.1f, why);
    return rc ? rc : net_update(b->net, &rule, why);
}

static void batch_fill(struct bench *b)
{
    size_t side = (size_t)b->options.image_size, n = (size_t)b->options.batch;
    size_t values = n * 3 * side * side;

    b->images = malloc(values * sizeof *b->images);
    b->labels = malloc(n * sizeof *b->labels);
    b->answers = malloc(n * CLASSES * sizeof *b->answers);
    for (size_t i = 0; i < values; i++)
        b->images[i] = (float)(i * 2654435761u >> 7 & 255);
    for (size_t i = 0; i < n; i++)
        b->labels[i] = (int)(i % CLASSES);
}

static int measure(struct bench *b, int steps, double *seconds,
                   struct reason *why)
{
    struct team_wait team_wait;
    int rc = net_open(&b->net, &b->options, 1, why);

    if (rc)
        return rc;
    team_wait_init(&team_wait);
    team_wait_watch(&team_wait, TEAM_WAIT_SCHEDSTAT, omp_get_max_threads());
    batch_fill(b);
    rc = step(b, why);
    for (int i = 0; !rc && i < steps; i++) {
        double began = omp_get_wtime();
        team_wait_look(&team_wait);
        rc = step(b, why);
        seconds[i] = omp_get_wtime() - began;
    }
    team_wait_release(&team_wait);
    net_free(b->net);
    free(b->images);
    free(b->labels);
    free(b->answers);
    return rc;
}

int main(int argc, char **argv)
{
    int steps = argc == 6 || argc == 7 ? atoi(argv[5]) : 0;
    const struct network *net = network_find(argc == 7 ? argv[6] : "resnet18");
    double seconds[STEPS_MAX];
    struct reason why = REASON_INIT;

    if (!net || steps < 1 || steps > STEPS_MAX) {
        fprintf(stderr, "usage: network train|predict f32|bf16 SIDE BATCH "
                        "STEPS [NETWORK]\n");
        return 2;
    }
    team_wait_spin_little(argv);
    struct bench b = {.options = {.network = net,
                                  .classes = CLASSES,
                                  .image_size = atoi(argv[3]),
                                  .batch = atoi(argv[4]),
                                  .bf16 = !strcmp(argv[2], "bf16"),
                                  .training = !strcmp(argv[1], "train")}};
    if (measure(&b, steps, seconds, &why)) {
        fprintf(stderr, "network: %s\n", why.sentence);
        return 1;
    }
    printf("%.2f\n", b.options.batch / median(seconds, steps));
    return 0;
}
