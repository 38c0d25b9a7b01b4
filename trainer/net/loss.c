#include "trainer/net/loss.h"

#include <math.h>
#include <stddef.h>

/* What turns a logit x into the logarithm of its probability: log p = (x -
 * most)
 * - rest. The order matters: `most` may be so large that `rest` would be lost
 * in their sum. */
struct scale {
    double most, rest;
};

static struct scale scale_of(const float *logits, int classes)
{
    double most = (double)logits[0], sum = 0;
    for (int k = 1; k < classes; k++)
        most = fmax(most, (double)logits[k]);
    for (int k = 0; k < classes; k++)
        sum += exp((double)logits[k] - most);
    return (struct scale){most, log(sum)};
}

static double log_p(struct scale s, float logit)
{
    return (double)logit - s.most - s.rest;
}

static double row_gradient(const float *logits, int label, int classes,
                           double smoothing, double weight, float *gradient)
{
    struct scale s = scale_of(logits, classes);
    double spread = smoothing / classes, loss = 0;
    for (int k = 0; k < classes; k++) {
        double l = log_p(s, logits[k]);
        double target = spread + (k == label ? 1 - smoothing : 0);
        if (target > 0)
            loss -= target * l;
        gradient[k] = (float)(weight * (exp(l) - target));
    }
    return loss;
}

float loss_gradient(const struct loss *loss, const float *logits,
                    const int *labels, int n, float *gradient)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        size_t row = (size_t)i * loss->classes;
        double weight = loss->weights ? (double)loss->weights[labels[i]] : 1;
        sum += weight * row_gradient(logits + row, labels[i], loss->classes,
                                     (double)loss->smoothing, weight / n,
                                     gradient + row);
    }
    return (float)(sum / n);
}

void loss_softmax(const float *logits, int n, int classes, float *probabilities)
{
    for (int i = 0; i < n; i++) {
        size_t row = (size_t)i * classes;
        struct scale s = scale_of(logits + row, classes);
        for (int k = 0; k < classes; k++)
            probabilities[row + k] = (float)exp(log_p(s, logits[row + k]));
    }
}
