#include "loss.h"

#include <math.h>
#include <stddef.h>

/* Logarithm of the sum of exp(logits). */
static double log_sum(const float *logits, int classes)
{
    double most = (double)logits[0], sum = 0;

    for (int k = 1; k < classes; k++)
        most = fmax(most, (double)logits[k]);
    for (int k = 0; k < classes; k++)
        sum += exp((double)logits[k] - most);
    return most + log(sum);
}

static double row_gradient(const float *logits, int label, int classes,
                           double smoothing, double weight, float *gradient)
{
    double total = log_sum(logits, classes), spread = smoothing / classes;
    double loss = (1 - smoothing) * (total - (double)logits[label]);

    for (int k = 0; k < classes; k++) {
        double log_p = (double)logits[k] - total;
        double target = spread + (k == label ? 1 - smoothing : 0);
        loss -= spread * log_p;
        gradient[k] = (float)(weight * (exp(log_p) - target));
    }
    return loss;
}

float loss_gradient(const float *logits, const int *labels, int n, int classes,
                    float smoothing, float *gradient)
{
    double sum = 0;

    for (int i = 0; i < n; i++) {
        size_t row = (size_t)i * classes;
        sum += row_gradient(logits + row, labels[i], classes, (double)smoothing,
                            1.0 / n, gradient + row);
    }
    return (float)(sum / n);
}

void loss_softmax(const float *logits, int n, int classes, float *probabilities)
{
    for (int i = 0; i < n; i++) {
        size_t row = (size_t)i * classes;
        double total = log_sum(logits + row, classes);
        for (int k = 0; k < classes; k++)
            probabilities[row + k] =
                (float)exp((double)logits[row + k] - total);
    }
}
