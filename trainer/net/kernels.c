#include "trainer/net/kernels.h"

#include "trainer/loops/winograd.h"
#include "trainer/loops/winograd_f32.h"
#include "trainer/net/layer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { MANY = 512 * 512 }; /* input times output channels: gradient_by() */

static bool is_conv(const struct kernels *k, int row)
{
    return k->network->layer[row].norm != NULL;
}

/* Whether depthwise.h computes the row. */
static bool is_depthwise(const struct kernels *k, int row)
{
    const struct layer *l = &k->network->layer[row];
    return l->groups > 1;
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

struct kernel_gradient kernel_gradient_of(const struct dnn *d,
                                          const struct dnn_conv *c)
{
    return (struct kernel_gradient){
        .n = c->n,
        .in = c->in,
        .out = c->out,
        .side = c->side,
        .result_side = dnn_conv_side(c),
        .kernel = c->kernel,
        .stride = c->stride,
        .pad = c->pad,
        .block = dnn_block(d),
        .bf16 = dnn_compute(d) == DNN_BF16,
    };
}

static const struct dnn_layout *plain_kernel(struct dnn *d,
                                             const struct layer *l)
{
    return dnn_plain(d, DNN_F32, 4,
                     (int64_t[]){l->out, l->in, l->kernel, l->kernel});
}

static bool has_tiles(const struct dnn_conv *c)
{
    return c->kernel == 3 && c->stride == 1 && c->pad == 1;
}

static bool by_winograd(const struct dnn *d, const struct dnn_conv *c)
{
    return dnn_block(d) == WINOGRAD_BLOCK && has_tiles(c) &&
           winograd_fits(c->in, c->out, c->side, dnn_compute(d) == DNN_BF16);
}

/* Which code computes a kernel's gradient; winograd_test and
 * kernel_gradient_test hold ours against a plain reference. Measured on two
 * Zen 4 cores unless said otherwise:
 * - 1 x 1 kernels: oneDNN's code is as fast as our loops.
 * - bf16: oneDNN has no Winograd's algorithm, ours makes single layers 1.2 to
 *   1.9 times as fast; on a Zen 5, 1.2 to 2 times. Where it does not fit, our
 *   loops leave out the padding, which oneDNN multiplies with: 256 channels of
 *   2 x 2 pixels took it 4.1 ms, and the way forward 0.45.
 * - f32 without oneDNN's Winograd: on AVX2 oneDNN reaches 135 GFLOPS for a 3 x
 * 3 kernel and our loops 190. Where kernel_in_tiles() holds, winograd_f32.h
 * takes half to two thirds of the loops' time.
 * - f32 with it: oneDNN is fastest but for many channels. 512 x 512 of them
 * take it 131 MB of scratchpad, our loops 15.4 ms and our Winograd 11.3. */
static enum kernel_gradient_by gradient_by(const struct dnn *d,
                                           const struct dnn_conv *c)
{
    int block = dnn_block(d);
    bool bf16 = dnn_compute(d) == DNN_BF16, winograd = by_winograd(d, c);
    if (c->kernel == 1 || !kernel_gradient_fits(c->in, c->out, block))
        return BY_ONEDNN;
    if (bf16)
        return winograd ? BY_WINOGRAD : dnn_bf16_fast() ? BY_LOOPS : BY_ONEDNN;
    if (!dnn_conv_in_tiles(d, c))
        return BY_LOOPS;
    return c->in * c->out < MANY ? BY_ONEDNN
           : winograd            ? BY_WINOGRAD
                                 : BY_LOOPS;
}

/* Asks oneDNN for the layouts that it prefers. */
static int choose_layouts(struct kernels *k, const struct dnn_conv *c,
                          struct kernel *it, struct reason *why)
{
    struct dnn_conv_layouts infer;
    int err = dnn_conv_choose(k->dnn, c, false, &infer, why);
    if (!err && k->training)
        err = dnn_conv_choose(k->dnn, c, true, &it->layouts, why);
    it->folded.layout = infer.forward;
    return err;
}

/* Whether winograd_f32.h computes the row. It reads the kernel in the layout in
 * which our loops make its gradient, which is also oneDNN's. */
static bool by_winograd_f32(const struct kernels *k, const struct dnn_conv *c,
                            const struct kernel *it)
{
    const struct dnn_layout *blocks;
    if (dnn_compute(k->dnn) != DNN_F32 ||
        dnn_block(k->dnn) != WINOGRAD_F32_BLOCK || !has_tiles(c) ||
        !winograd_f32_fits(c->in, c->out, c->side))
        return false;
    blocks = dnn_kernel_in_blocks(k->dnn, c);
    return blocks && dnn_layout_same(it->folded.layout, blocks) &&
           (!k->training || it->gradient != BY_ONEDNN);
}

static int choose_convolution(struct kernels *k, int row, int n, int side,
                              struct reason *why)
{
    const struct layer *l = &k->network->layer[row];
    struct dnn_conv c = kernel_shape(l, n, side);
    struct kernel *it = &k->row[row];
    int err = 0;
    it->winograd = dnn_compute(k->dnn) == DNN_BF16 &&
                   l->activation != ACTIVATION_HARD_SWISH &&
                   by_winograd(k->dnn, &c);
    it->gradient = gradient_by(k->dnn, &c);
    if (!it->winograd)
        err = choose_layouts(k, &c, it, why);
    it->winograd_f32 = !err && l->activation != ACTIVATION_HARD_SWISH &&
                       by_winograd_f32(k, &c, it);
    if (!k->training)
        it->layouts.master = plain_kernel(k->dnn, l);
    else if (it->gradient != BY_ONEDNN)
        it->layouts.master = dnn_kernel_in_blocks(k->dnn, &c);
    return err;
}

static void choose_depthwise(struct kernels *k, int row)
{
    const struct layer *l = &k->network->layer[row];
    struct kernel *it = &k->row[row];
    it->layouts.master = dnn_kernel_by_channel(k->dnn, l->out, l->kernel);
    it->folded.layout = it->layouts.master;
}

static int choose(struct kernels *k, int row, int n, int side,
                  struct reason *why)
{
    const struct layer *l = &k->network->layer[row];
    struct kernel *it = &k->row[row];
    int err = 0;
    if (is_depthwise(k, row))
        choose_depthwise(k, row);
    else
        err = choose_convolution(k, row, n, side, why);
    it->bias.layout = dnn_plain(k->dnn, DNN_F32, 1, (int64_t[]){l->out});
    if (!err && (!it->layouts.master || !it->bias.layout))
        err = refuse(why, ENOMEM, "out of memory for a layout");
    return err;
}

int kernels_choose(struct kernels *k, struct dnn *dnn,
                   const struct network *network, int n, int image_size,
                   bool training, struct reason *why)
{
    int err = 0;
    *k = (struct kernels){.dnn = dnn, .network = network, .training = training};
    k->row = calloc((size_t)network->layers, sizeof *k->row);
    if (!k->row)
        return refuse(why, ENOMEM, "out of memory for kernels");
    for (int r = 0; !err && r < network->layers; r++)
        if (is_conv(k, r))
            err = choose(
                k, r, n,
                network_side(network, network_input(network, r), image_size),
                why);
    return err;
}

/* Allocation */

/* Bytes of the largest transformed kernel of a row. */
static size_t tiles_size(const struct kernels *k, int row)
{
    const struct layer *l = &k->network->layer[row];
    if (k->row[row].winograd)
        return winograd_kernel_size(l->in, l->out);
    if (!k->row[row].winograd_f32)
        return 0;
    size_t there = winograd_f32_form(l->in, l->out);
    size_t back = winograd_f32_form(l->out, l->in);
    return there > back ? there : back;
}

static size_t folded_size(const struct kernels *k, int row)
{
    return k->row[row].winograd ? tiles_size(k, row)
                                : dnn_layout_size(k->row[row].folded.layout);
}

/* Places a folded kernel over the gradients of training, or in new memory if it
 * does not fit there: a network never needs both at once, as it either trains
 * or evaluates. The part of the gradients that is free begins at *used. */
static int fold_open(struct kernels *k, int row, size_t *used,
                     struct reason *why)
{
    enum { LINE = 64 };
    struct kernel *it = &k->row[row];
    int outs = k->network->layer[row].out;
    size_t size = folded_size(k, row);
    size_t whole = (size + LINE - 1) / LINE * LINE;
    char *room = (char *)k->weights->gradient;
    it->fold_owned =
        !room || k->weights->trained * sizeof(float) - *used < whole;
    it->folded.data = it->fold_owned ? dnn_alloc(size) : room + *used;
    *used += it->fold_owned ? 0 : whole;
    /* our own loops read whole blocks of it */
    it->bias.data = dnn_alloc((size_t)dnn_padded(k->dnn, outs) * sizeof(float));
    if (!it->folded.data || !it->bias.data)
        return refuse(why, ENOMEM, "out of memory for kernels");
    return 0;
}

/* The size of the largest form of a row's kernel. */
static size_t form_size(const struct kernels *k, int row)
{
    const struct dnn_conv_layouts *l = &k->row[row].layouts;
    const struct dnn_layout *forms[] = {
        weight_of(k->weights, row, WEIGHT_KERNEL)->plain, l->forward, l->back};
    size_t most = tiles_size(k, row);
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
    int outs = 0, err = 0;
    k->weights = weights;
    for (int r = 0; !err && r < k->network->layers; r++) {
        if (!is_conv(k, r))
            continue;
        size_t size = form_size(k, r);
        most = size > most ? size : most;
        outs =
            k->network->layer[r].out > outs ? k->network->layer[r].out : outs;
        err = fold_open(k, r, &used, why);
    }
    if (err)
        return err;
    k->form = dnn_alloc(most);
    k->scale = malloc((size_t)outs * sizeof *k->scale);
    if (!k->form || !k->scale)
        return refuse(why, ENOMEM, "out of memory for kernels");
    return 0;
}

void kernels_release(struct kernels *k)
{
    for (int r = 0; k->row && r < k->network->layers; r++) {
        struct kernel *it = &k->row[r];
        if (it->fold_owned)
            free(it->folded.data);
        free(it->bias.data);
    }
    free(k->row);
    free(k->form);
    free(k->scale);
    *k = (struct kernels){0};
}

/* Folding */

/* Computes the factors that turn norm(conv(x)) into one convolution with a
 * bias: the kernel of each output is multiplied by gamma / deviation, and the
 * bias is beta - mean * gamma / deviation. */
static void fold_norm(const struct weights *w, int row, float *scale,
                      float *bias)
{
    const float *gamma = weights_evaluated(w, row, WEIGHT_GAMMA);
    const float *beta = weights_evaluated(w, row, WEIGHT_BETA);
    const float *mean = weights_evaluated(w, row, WEIGHT_MEAN);
    const float *variance = weights_evaluated(w, row, WEIGHT_VARIANCE);
    const struct layer *l = &w->network->layer[row];
    for (int o = 0; o < l->out; o++) {
        scale[o] = gamma[o] / sqrtf(variance[o] + l->epsilon);
        bias[o] = beta[o] - mean[o] * scale[o];
    }
}

/* Scales a row-major kernel, from there to k->form. */
static void scale_plain(const struct kernels *k, int row, const float *from)
{
    int outs = k->network->layer[row].out;
    size_t each =
        tensor_count(&weight_of(k->weights, row, 0)->shape) / (size_t)outs;
    float *kernel = k->form;
#pragma omp parallel for schedule(static)
    for (int o = 0; o < outs; o++)
        for (size_t i = 0; i < each; i++)
            kernel[(size_t)o * each + i] =
                from[(size_t)o * each + i] * k->scale[o];
}

static int fold_winograd(struct kernels *k, int row, struct dnn_tensor master,
                         struct reason *why)
{
    const struct layer *l = &k->network->layer[row];
    struct dnn_conv c = kernel_shape(l, 1, 1);
    struct dnn_tensor blocks = {dnn_kernel_in_blocks(k->dnn, &c), k->form};
    const struct winograd_kernel to = {.in = l->in,
                                       .out = l->out,
                                       .master = k->form,
                                       .scale = k->scale,
                                       .to = k->row[row].folded.data};
    if (!blocks.layout)
        return refuse(why, ENOMEM, "out of memory for a layout");
    int err = dnn_reorder(k->dnn, master, blocks, why);
    if (!err)
        winograd_kernel(&to);
    return err;
}

static int fold_plain(struct kernels *k, int row, struct dnn_tensor master,
                      struct reason *why)
{
    struct dnn_tensor plain = {weight_of(k->weights, row, WEIGHT_KERNEL)->plain,
                               k->form};
    bool is_plain = dnn_layout_same(master.layout, plain.layout);
    int err = is_plain ? 0 : dnn_reorder(k->dnn, master, plain, why);
    if (err)
        return err;
    scale_plain(k, row, is_plain ? master.data : plain.data);
    return dnn_reorder(k->dnn, plain, k->row[row].folded, why);
}

int kernels_fold(struct kernels *k, struct reason *why)
{
    const struct weights *w = k->weights;
    int err = 0;
    for (int r = 0; !err && r < k->network->layers; r++) {
        struct kernel *it = &k->row[r];
        if (!is_conv(k, r))
            continue;
        struct dnn_tensor master = {it->layouts.master,
                                    weights_evaluated(w, r, WEIGHT_KERNEL)};
        fold_norm(w, r, k->scale, it->bias.data);
        err = it->winograd ? fold_winograd(k, r, master, why)
                           : fold_plain(k, r, master, why);
    }
    return err;
}
