#include "trainer/bases/base_pictures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A value of channel c that the base expects is ours * factor + shift. */
static double factor(const struct base_input *in, int c)
{
    return network_deviation[c] / in->deviation[c];
}

static double shift(const struct base_input *in, int c)
{
    return (network_mean[c] - in->mean[c]) / in->deviation[c];
}

/* kernels: [out, 3, area] */
static void kernels_multiply(const struct base_input *in, float *kernels,
                             int out, int area)
{
    for (int i = 0; i < out * 3; i++)
        for (int k = 0; k < area; k++)
            kernels[i * area + k] *= (float)factor(in, i % 3);
}

/* What the shifts of all channels come to, after the convolution. */
static double kernel_shift(const struct base_input *in, const float *kernel,
                           int area)
{
    double sum = 0;
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < area; k++)
            sum += kernel[c * area + k] * shift(in, c);
    return sum;
}

static int means_shift(const struct base *b, const struct weight_shape *kernels,
                       float *mean, struct reason *why)
{
    int out = (int)kernels->dim[0];
    int area = (int)(kernels->dim[2] * kernels->dim[3]);
    float *kernel = malloc((size_t)out * 3 * (size_t)area * sizeof *kernel);
    if (!kernel)
        return refuse(why, ENOMEM, "no memory to read the base");
    int err = safetensors_values(
        &b->file, base_find(&b->match, &b->file.header, kernels->name), kernel,
        why);
    for (int i = 0; i < out && err == 0; i++)
        mean[i] -=
            (float)kernel_shift(&b->match.input, kernel + i * 3 * area, area);
    free(kernel);
    return err;
}

int base_pictures_fit(const struct base *b, const struct tensor *t,
                      struct reason *why)
{
    const struct layer *first = &b->match.network->layer[0];
    struct weight_shape kernels, mean;
    if (!b->match.input.said ||
        !layer_weight(first, WEIGHT_KERNEL, 0, &kernels))
        return 0;
    if (!strcmp(t->name, kernels.name))
        kernels_multiply(&b->match.input, t->data, (int)kernels.dim[0],
                         (int)(kernels.dim[2] * kernels.dim[3]));
    else if (layer_weight(first, WEIGHT_MEAN, 0, &mean) &&
             !strcmp(t->name, mean.name))
        return means_shift(b, &kernels, t->data, why);
    return 0;
}
