#include "trainer/bases/base_norm.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The row whose normalisation has the scales of this name; NULL = none. */
static const struct layer *row_of(const struct network *net, const char *scales)
{
    struct weight_shape shape;
    for (int i = 0; i < net->layers; i++)
        if (layer_weight(&net->layer[i], WEIGHT_GAMMA, 0, &shape) &&
            !strcmp(shape.name, scales))
            return &net->layer[i];
    return NULL;
}

int base_norm_fit(const struct base *b, const struct tensor *t,
                  struct reason *why)
{
    float theirs = b->match.naming->epsilon;
    const struct layer *row = row_of(b->match.network, t->name);
    struct weight_shape shape;
    if (!theirs || !row || row->epsilon == theirs ||
        !layer_weight(row, WEIGHT_VARIANCE, 0, &shape))
        return 0;
    size_t count = tensor_count(t);
    float *variance = malloc(count * sizeof *variance);
    if (!variance)
        return refuse(why, ENOMEM, "no memory to read the base");
    int err = safetensors_values(
        &b->file, base_find(&b->match, &b->file.header, shape.name), variance,
        why);
    for (size_t i = 0; i < count && err == 0; i++)
        t->data[i] *=
            sqrtf((variance[i] + row->epsilon) / (variance[i] + theirs));
    free(variance);
    return err;
}
