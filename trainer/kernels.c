#include "kernels.h"

#include "kernel_gradient.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { MANY = 512 * 512 }; /* inputs times outputs */

static bool is_conv(const struct kernels *k, int row)
{
    return k->resnet->layer[row].kind == LAYER_CONVOLUTION;
}

struct dnn_conv kernel_shape(const struct layer *row, int n, int side)
{
    return (struct dnn_conv){.n = n,
                             .in = row->in,
                             .out = row->out,
                             .side = side,
                             .kernel = row->kernel,
                             .stride = row->stride,
                             .pad = row->padding};
}

static const struct dnn_layout *plain_kernel(struct dnn *d,
                                             const struct layer *l)
{
    return dnn_plain(d, DNN_F32, 4,
                     (int64_t[]){l->out, l->in, l->kernel, l->kernel});
}

/* For 1 x 1 kernels oneDNN's code is as fast, and faster where it has
 * Winograd's algorithm; but for many channels, where it is only as fast and
 * takes 131 MB of scratchpad. */
static bool has_own_gradient(const struct dnn *d, const struct dnn_conv *c)
{
    int block = dnn_block(d);

    if (c->kernel == 1 || !kernel_gradient_fits(c->in, c->out, block))
        return false;
    if (dnn_compute(d) == DNN_BF16)
        return dnn_bf16_fast();
    return block == 8 || !dnn_conv_in_tiles(d, c) || c->in * c->out >= MANY;
}

static int choose(struct kernels *k, int row, int n, int side,
                  struct reason *why)
{
    const struct layer *l = &k->resnet->layer[row];
    struct dnn_conv c = kernel_shape(l, n, side);
    struct dnn_conv_layouts infer;
    struct kernel *it = &k->row[row];
    int rc = dnn_conv_choose(k->dnn, &c, false, &infer, why);

    it->own_gradient = k->training && has_own_gradient(k->dnn, &c);
    if (!rc && k->training)
        rc = dnn_conv_choose(k->dnn, &c, true, &it->layouts, why);
    if (!rc && it->own_gradient)
        it->layouts.master = dnn_kernel_in_blocks(k->dnn, &c);
    if (!rc && !k->training)
        it->layouts.master = plain_kernel(k->dnn, l);
    it->folded.layout = infer.forward;
    it->bias.layout = dnn_plain(k->dnn, DNN_F32, 1, (int64_t[]){l->out});
    if (!rc && (!it->layouts.master || !it->bias.layout))
        rc = refuse(why, ENOMEM, "out of memory for a layout");
    return rc;
}

int kernels_choose(struct kernels *k, struct dnn *dnn,
                   const struct resnet *resnet, int n, int image_size,
                   bool training, struct reason *why)
{
    int rc = 0;

    *k = (struct kernels){.dnn = dnn, .resnet = resnet, .training = training};
    for (int r = 0; !rc && r < k->resnet->layers; r++)
        if (is_conv(k, r))
            rc = choose(k, r, n,
                        resnet_side(resnet, resnet->layer[r].input, image_size),
                        why);
    return rc;
}

void kernels_masters(const struct kernels *k,
                     const struct dnn_layout *out[RESNET_LAYERS_MAX])
{
    for (int r = 0; r < k->resnet->layers; r++)
        out[r] = k->row[r].layouts.master;
}

/* Allocation */

/* Folded kernels lie where the gradients of training do, as far as these
 * reach: a network evaluates or trains. What is left begins at *used. */
static int fold_open(struct kernels *k, struct kernel *it, size_t *used,
                     struct reason *why)
{
    enum { LINE = 64 };
    size_t size = dnn_layout_size(it->folded.layout);
    size_t whole = (size + LINE - 1) / LINE * LINE;
    char *room = (char *)k->weights->gradient;

    it->fold_owned =
        !room || k->weights->trained * sizeof(float) - *used < whole;
    it->folded.data = it->fold_owned ? dnn_alloc(size) : room + *used;
    *used += it->fold_owned ? 0 : whole;
    it->bias.data = dnn_alloc(dnn_layout_size(it->bias.layout));
    if (!it->folded.data || !it->bias.data)
        return refuse(why, ENOMEM, "out of memory for kernels");
    return 0;
}

/* The largest of a row's forms. */
static size_t form_size(const struct kernels *k, int row)
{
    const struct dnn_conv_layouts *l = &k->row[row].layouts;
    const struct dnn_layout *forms[] = {
        weight_of(k->weights, row, WEIGHT_KERNEL)->plain, l->forward, l->back};
    size_t most = 0;

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t size = forms[i] ? dnn_layout_size(forms[i]) : 0;
        most = size > most ? size : most;
    }
    return most;
}

int kernels_open(struct kernels *k, const struct weights *weights,
                 struct reason *why)
{
    size_t most = 0, used = 0;
    int rc = 0;

    k->weights = weights;
    for (int r = 0; !rc && r < k->resnet->layers; r++) {
        if (!is_conv(k, r))
            continue;
        size_t size = form_size(k, r);
        most = size > most ? size : most;
        rc = fold_open(k, &k->row[r], &used, why);
    }
    if (rc)
        return rc;
    k->form = dnn_alloc(most);
    return k->form ? 0 : refuse(why, ENOMEM, "out of memory for kernels");
}

void kernels_release(struct kernels *k)
{
    for (int r = 0; k->resnet && r < k->resnet->layers; r++) {
        struct kernel *it = &k->row[r];
        if (it->fold_owned)
            free(it->folded.data);
        free(it->bias.data);
    }
    free(k->form);
    *k = (struct kernels){0};
}

/* Folding */

/* norm(conv(x)) as one convolution: the kernel of each output times
 * gamma / deviation, and what is left as its bias. */
static void fold_plain(const struct weights *w, int row, float *kernel,
                       float *bias)
{
    const float *gamma = weights_evaluated(w, row, WEIGHT_GAMMA);
    const float *beta = weights_evaluated(w, row, WEIGHT_BETA);
    const float *mean = weights_evaluated(w, row, WEIGHT_MEAN);
    const float *variance = weights_evaluated(w, row, WEIGHT_VARIANCE);
    int outs = w->resnet->layer[row].out;
    size_t each = tensor_count(&weight_of(w, row, 0)->shape) / (size_t)outs;

#pragma omp parallel for schedule(static)
    for (int o = 0; o < outs; o++) {
        float scale = gamma[o] / sqrtf(variance[o] + RESNET_EPSILON);
        bias[o] = beta[o] - mean[o] * scale;
        for (size_t i = 0; i < each; i++)
            kernel[(size_t)o * each + i] *= scale;
    }
}

int kernels_fold(struct kernels *k, struct reason *why)
{
    const struct weights *w = k->weights;
    int rc = 0;

    for (int r = 0; !rc && r < k->resnet->layers; r++) {
        struct kernel *it = &k->row[r];
        if (!is_conv(k, r))
            continue;
        struct dnn_tensor master = {it->layouts.master,
                                    weights_evaluated(w, r, WEIGHT_KERNEL)};
        struct dnn_tensor plain = {weight_of(w, r, WEIGHT_KERNEL)->plain,
                                   k->form};
        rc = dnn_reorder(k->dnn, master, plain, why);
        if (rc)
            break;
        fold_plain(w, r, k->form, it->bias.data);
        rc = dnn_reorder(k->dnn, plain, it->folded, why);
    }
    return rc;
}
