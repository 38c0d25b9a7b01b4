#include "trainer/net/optimizer.h"

#include "trainer/basic/simd.h"

enum { STRETCH = 1 << 14 }; /* values that a thread takes at a time */

MULTIVERSION
static void step_range(const struct optimizer_rule *rule, float *restrict value,
                       float *restrict momentum, const float *restrict gradient,
                       size_t count)
{
    float rate = rule->learning_rate, m = rule->momentum;
    float decay = rule->weight_decay;
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] + decay * value[i];
        momentum[i] = m * momentum[i] + g;
        value[i] -= rate * (g + m * momentum[i]);
    }
}

void optimizer_step(const struct optimizer_rule *rule, float *value,
                    float *momentum, const float *gradient, size_t count)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += STRETCH)
        step_range(rule, value + i, momentum + i, gradient + i,
                   count - i < STRETCH ? count - i : STRETCH);
}

MULTIVERSION
static void average_range(float *restrict average, const float *restrict value,
                          size_t count, float share)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        average[i] += share * (value[i] - average[i]);
}

void optimizer_average(float *average, const float *value, size_t count,
                       float share)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += STRETCH)
        average_range(average + i, value + i,
                      count - i < STRETCH ? count - i : STRETCH, share);
}
