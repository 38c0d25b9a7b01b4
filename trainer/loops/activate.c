#include "trainer/loops/activate.h"

#include "trainer/loops/lanes.h"

INLINE void forward(const struct activate *q, const enum activation by)
{
    for (int i = 0; i < q->count; i += LANE) {
        vec v;
        load(&v, q->x, (size_t)i, false);
        activate(&v, by);
        store(q->out, (size_t)i, &v, false);
    }
}

INLINE void backward(const struct activate *q, const enum activation by)
{
    for (int i = 0; i < q->count; i += LANE) {
        vec x, g;
        load(&x, q->x, (size_t)i, false);
        load(&g, q->in, (size_t)i, false);
        activate_back(&g, &x, by);
        store(q->out, (size_t)i, &g, false);
    }
}

MULTIVERSION
void activate_forward(const struct activate *q)
{
    if (q->by == ACTIVATION_HARD_SIGMOID)
        forward(q, ACTIVATION_HARD_SIGMOID);
    else if (q->by == ACTIVATION_HARD_SWISH)
        forward(q, ACTIVATION_HARD_SWISH);
    else if (q->by == ACTIVATION_RELU)
        forward(q, ACTIVATION_RELU);
    else
        forward(q, ACTIVATION_NONE);
}

MULTIVERSION
void activate_backward(const struct activate *q)
{
    if (q->by == ACTIVATION_HARD_SIGMOID)
        backward(q, ACTIVATION_HARD_SIGMOID);
    else if (q->by == ACTIVATION_HARD_SWISH)
        backward(q, ACTIVATION_HARD_SWISH);
    else if (q->by == ACTIVATION_RELU)
        backward(q, ACTIVATION_RELU);
    else
        backward(q, ACTIVATION_NONE);
}
