/*
 * An activation of plain f32 values, such as features and gates. The way back
 * takes the values before the activation. One thread; the values are few.
 */
#ifndef PRIMO_ACTIVATE_H
#define PRIMO_ACTIVATE_H

#include "core/network/activation.h"

struct activate {
    enum activation by;
    int count;       /* a multiple of 8 */
    const float *x;  /* before the activation */
    const float *in; /* x, or the gradient of the result */
    float *out;      /* the result, or the gradient of x; may be `in` */
};

void activate_forward(const struct activate *q);
void activate_backward(const struct activate *q);

#endif
