#include "trainer/evaluation/choice.h"

#include <math.h>
#include <stddef.h>

#define CHANCE 2.0 /* standard errors of a mean difference */

void choice_truths(const float *scores, const int *labels, int n, int classes,
                   float *truths)
{
    for (int i = 0; i < n; i++)
        truths[i] = scores[(size_t)i * (size_t)classes + (size_t)labels[i]];
}

double choice_mean(const float *truths, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += truths[i];
    return sum / n;
}

bool choice_is_worse(const float *now, const float *record, int n)
{
    double mean = choice_mean(now, n) - choice_mean(record, n), squares = 0;
    for (int i = 0; i < n; i++) {
        double d = (double)now[i] - record[i] - mean;
        squares += d * d;
    }
    double deviation = sqrt(squares / (n > 1 ? n - 1 : 1));
    return mean < -CHANCE * deviation / sqrt(n);
}
