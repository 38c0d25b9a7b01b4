/*
 * Stochastic gradient descent with Nesterov momentum, exactly as
 * torch.optim.SGD(nesterov=True): with decay d, momentum m and rate r,
 *   g = gradient + d * value;  momentum = m * momentum + g;
 *   value -= r * (g + m * momentum)
 * and an average of the values over the steps.
 * Elementwise, so any layout will do. Uses all OpenMP threads.
 */
#ifndef PRIMO_OPTIMIZER_H
#define PRIMO_OPTIMIZER_H

#include <stddef.h>

struct optimizer_rule {
    float learning_rate, momentum, weight_decay;
};

/* Do one step for count values, in one pass over memory. */
void optimizer_step(const struct optimizer_rule *rule, float *value,
                    float *momentum, const float *gradient, size_t count);
/* Compute average += share * (value - average), for count values. */
void optimizer_average(float *average, const float *value, size_t count,
                       float share);

#endif
