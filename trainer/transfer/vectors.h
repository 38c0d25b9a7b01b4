/* Products of vectors, in the processor's vector instructions. */
#ifndef PRIMO_VECTORS_H
#define PRIMO_VECTORS_H

/* The sum of a[k] b[k]. */
float vector_dot(const float *a, const float *b, int count);
/* to[k] += scale from[k]; the two do not overlap. */
void vector_add(float *restrict to, const float *restrict from, float scale,
                int count);

#endif
