#include "trainer/serve/predictor.h"

#include <math.h>
#include <stdlib.h>

/* Most pixels of a call of several pictures, which bound its memory. */
enum { PIXELS = 32 * 224 * 224 };

static int batch_of(int side, int wanted)
{
    int most = PIXELS / (side * side);
    most = most < 1 ? 1 : most;
    return wanted < most ? wanted : most;
}

static int weights_take(struct predictor *p, const char *path, bool bf16,
                        struct reason *why)
{
    const struct net_options options = {
        .network = p->model.network,
        .classes = p->model.classes,
        .image_size = p->model.image_size,
        .batch = p->batch,
        .bf16 = bf16,
        .blank = true,
    };
    int err = net_open(&p->net, &options, 0, why);
    if (err == 0)
        err = net_check(p->net, p->model.tensors, p->model.count, why);
    if (err == 0)
        err = net_fill(p->net, classifier_values, &p->model, why);
    if (err)
        reason_prefix(why, "the model in '%s' does not fit: ", path);
    classifier_close(&p->model);
    return err;
}

int predictor_open(struct predictor *out, const char *path,
                   const struct predictor_options *options, struct reason *why)
{
    struct predictor p = {.temperature = options->temperature};
    int err = classifier_read(&p.model, path, why);
    if (err)
        return err;
    p.batch = batch_of(p.model.image_size, options->batch);
    err = weights_take(&p, path, options->bf16, why);
    if (err)
        predictor_release(&p);
    else
        *out = p;
    return err;
}

void predictor_release(struct predictor *p)
{
    net_free(p->net);
    classifier_release(&p->model);
    *p = (struct predictor){0};
}

size_t predictor_input(const struct predictor *p, int n)
{
    size_t side = (size_t)p->model.image_size;
    return sizeof(float) * (size_t)n * 3 * side * side;
}

static int by_probability(const void *a, const void *b, void *probabilities)
{
    const float *of = probabilities;
    int x = *(const int *)a, y = *(const int *)b;
    if (of[x] != of[y])
        return of[x] > of[y] ? -1 : 1;
    return (x > y) - (x < y);
}

void predictor_order(const struct predictor *p, const float *probabilities,
                     int *order)
{
    for (int i = 0; i < p->model.classes; i++)
        order[i] = i;
    qsort_r(order, (size_t)p->model.classes, sizeof *order, by_probability,
            (void *)probabilities);
}

/* The softmax at another temperature, from that at 1. The best class goes
 * first, so that nothing overflows. */
static void calibrate(float *of, int classes, double temperature)
{
    double sum = 0, best = 0;
    for (int i = 0; i < classes; i++)
        best = of[i] > best ? of[i] : best;
    for (int i = 0; i < classes; i++)
        sum += pow(of[i] / best, 1 / temperature);
    for (int i = 0; i < classes; i++)
        of[i] = (float)(pow(of[i] / best, 1 / temperature) / sum);
}

int predictor_run(struct predictor *p, const float *images, int n,
                  float *probabilities, struct reason *why)
{
    int classes = p->model.classes;
    int err = net_predict(p->net, images, n, probabilities, why);
    for (int i = 0; err == 0 && p->temperature != 1 && i < n; i++)
        calibrate(probabilities + (size_t)i * (size_t)classes, classes,
                  p->temperature);
    return err;
}

int predictor_run_pieces(struct predictor *p, const float *images, int n,
                         float *probabilities, struct reason *why)
{
    size_t input = predictor_input(p, 1) / sizeof(float);
    size_t classes = (size_t)p->model.classes;
    int err = 0;
    for (int at = 0, piece; at < n && err == 0; at += piece) {
        for (piece = 1; piece * 2 <= n - at && piece * 2 <= p->batch;)
            piece *= 2;
        err = predictor_run(p, images + (size_t)at * input, piece,
                            probabilities + (size_t)at * classes, why);
    }
    return err;
}
