#include "trainer/evaluation/temperature.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    NUMBERS_MOST = 1 << 22, /* that are summed in one step */
    STEPS_MOST = 40,
};
/* Bounds of 1/T, and where a step is too small to matter. */
#define SHARPNESS_LEAST   0.05
#define SHARPNESS_MOST    20.0
#define STEP_LEAST        1e-7
#define PROBABILITY_LEAST 1e-30f

/* The slope of the likelihood over the sharpness 1/T, and its curvature. */
struct slope {
    double first, second;
};

static double log_of(float p)
{
    return logf(p > PROBABILITY_LEAST ? p : PROBABILITY_LEAST);
}

/* Adds what one picture contributes: the logarithm of its probability has the
 * slope l[label] - E(l) and the curvature -Var(l), for l = log(p). */
static void slope_add(struct slope *s, const float *p, int label, int classes,
                      double sharpness)
{
    double best = log_of(p[0]), sum = 0, mean = 0, square = 0;
    for (int k = 1; k < classes; k++)
        best = fmax(best, log_of(p[k]));
    for (int k = 0; k < classes; k++) {
        double l = log_of(p[k]) - best, weight = exp(sharpness * l);
        sum += weight;
        mean += weight * l;
        square += weight * l * l;
    }
    mean /= sum;
    s->first += log_of(p[label]) - best - mean;
    s->second -= square / sum - mean * mean;
}

static struct slope slope_at(double sharpness, const float *p,
                             const int *labels, int n, int classes)
{
    struct slope s = {0, 0};
    int stride = (int)((size_t)n * (size_t)classes / NUMBERS_MOST) + 1;
    for (int i = 0; i < n; i += stride)
        slope_add(&s, p + (size_t)i * (size_t)classes, labels[i], classes,
                  sharpness);
    return s;
}

static bool all_right(const float *p, const int *labels, int n, int classes)
{
    for (int i = 0; i < n; i++) {
        const float *row = p + (size_t)i * (size_t)classes;
        for (int k = 0; k < classes; k++)
            if (row[k] > row[labels[i]])
                return false;
    }
    return true;
}

/* The likelihood is concave in the sharpness. Newton's steps find its maximum;
 * one that leads out of what is known to enclose it is halved there. */
double temperature_fit(const float *p, const int *labels, int n, int classes)
{
    double low = SHARPNESS_LEAST, high = SHARPNESS_MOST, at = 1;
    if (n < 1 || all_right(p, labels, n, classes))
        return 1;
    for (int i = 0; i < STEPS_MOST; i++) {
        struct slope s = slope_at(at, p, labels, n, classes);
        *(s.first > 0 ? &low : &high) = at;
        double next = s.second < 0 ? at - s.first / s.second : NAN;
        if (!(next > low && next < high))
            next = sqrt(low * high);
        if (fabs(next - at) < STEP_LEAST * at)
            break;
        at = next;
    }
    return 1 / at;
}

void temperature_apply(double temperature, const float *p, int classes,
                       double *calibrated)
{
    double best = log_of(p[0]), sum = 0;
    for (int k = 1; k < classes; k++)
        best = fmax(best, log_of(p[k]));
    for (int k = 0; k < classes; k++)
        sum += calibrated[k] = exp((log_of(p[k]) - best) / temperature);
    for (int k = 0; k < classes; k++)
        calibrated[k] /= sum;
}
