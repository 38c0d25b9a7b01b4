#include "trainer/transfer/vectors.h"

#include "trainer/basic/simd.h"

MULTIVERSION
float vector_dot(const float *a, const float *b, int count)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int k = 0; k < count; k++)
        sum += a[k] * b[k];
    return sum;
}

MULTIVERSION
void vector_add(float *restrict to, const float *restrict from, float scale,
                int count)
{
#pragma omp simd
    for (int k = 0; k < count; k++)
        to[k] += scale * from[k];
}
