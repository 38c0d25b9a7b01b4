/* timeout: 300
 * not under: thread (it is all OpenMP)
 *
 * net.h's promises on small pictures. With arguments it is the other half of
 * tests/peers/gradients.sh:
 *   net_test DIR CLASSES SIDE BATCH STEPS SMOOTHING RATE MOMENTUM DECAY TYPE
 *     NETWORK
 * reads DIR/weights and DIR/batches (images.K, labels.K), writes
 * DIR/gradients.K and DIR/state.K of each step, and with DIR/weak for weights
 * DIR/probabilities of the first batch. */
#include "trainer/files/safetensors.h"
#include "trainer/net/net.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIDE = 32, CLASSES = 3, BATCH = 6, PICTURE = 3 * SIDE * SIDE };

static const struct net_rule rule = {{0.005f, 0.9f, 5e-4f}, 0};

static struct net_options small(void)
{
    return (struct net_options){.classes = CLASSES,
                                .image_size = SIDE,
                                .batch = BATCH,
                                .training = true};
}

static struct net *open_net(uint64_t seed)
{
    struct net_options o = small();
    struct reason why = REASON_INIT;
    struct net *net;

    if (net_open(&net, &o, seed, &why))
        fail_msg("net_open: %s", why.sentence);
    return net;
}

/* Makes batch k: stripes whose direction is the label, and which depend on
 * k. */
static void picture_batch(int k, float *images, int *labels)
{
    for (int i = 0; i < BATCH; i++) {
        labels[i] = (i + k) % CLASSES;
        for (int p = 0; p < PICTURE; p++) {
            int x = p % SIDE, y = p / SIDE % SIDE;
            int phase = labels[i] == 0 ? x : labels[i] == 1 ? y : x + y;
            images[i * PICTURE + p] =
                (float)((phase + i + k) % 8 * 30 + (p * 7 + k * 13) % 17);
        }
    }
}

static float train_by(struct net *net, int k, int n, const struct net_rule *by)
{
    float images[BATCH * PICTURE];
    int labels[BATCH];
    struct reason why = REASON_INIT;

    picture_batch(k, images, labels);
    assert_int_equal(net_gradients(net, images, labels, n, 0.1f, &why), 0);
    float loss = net_loss(net);
    assert_int_equal(net_update(net, by, &why), 0);
    return loss;
}

static float train(struct net *net, int k, int n)
{
    return train_by(net, k, n, &rule);
}

static void predict(struct net *net, int k, int n, float *probabilities)
{
    float images[BATCH * PICTURE];
    int labels[BATCH];
    struct reason why = REASON_INIT;

    picture_batch(k, images, labels);
    assert_int_equal(net_predict(net, images, n, probabilities, &why), 0);
}

static struct tensor *state_of(const struct net *net, int *count)
{
    struct tensor *all;
    struct reason why = REASON_INIT;

    assert_int_equal(net_export(net, true, &all, count, &why), 0);
    return all;
}

static void assert_same_state(const struct net *a, const struct net *b)
{
    int n, m;
    struct tensor *x = state_of(a, &n), *y = state_of(b, &m);

    assert_int_equal(n, m);
    for (int i = 0; i < n; i++) {
        assert_string_equal(x[i].name, y[i].name);
        assert_memory_equal(x[i].data, y[i].data,
                            tensor_count(&x[i]) * sizeof(float));
    }
    free(x);
    free(y);
}

/* Names, order, shapes */

/* What is told of gradients while they are computed. */
struct heard {
    const struct net *net;
    float *copy;         /* of the gradients, as they were told of */
    unsigned char *told; /* how often */
    size_t before;       /* where the last one began */
    int times, upwards;
};

static void hear(void *context, size_t first, size_t last)
{
    struct heard *h = context;
    const struct net_arena a = net_arena(h->net);
    assert_true(first < last && last <= a.size);
    memcpy(h->copy + first, a.gradient + first,
           (last - first) * sizeof *h->copy);
    for (size_t i = first; i < last; i++)
        h->told[i]++;
    h->upwards += h->times++ > 0 && last != h->before;
    h->before = first;
}

/* Each gradient is told of once, when nothing will change it any more; those of
 * kernels from the last one to the first, then the others at once. */
static void computed_gradients_are_told_of(const struct network *network)
{
    struct net_options o = small();
    struct heard h = {0};
    const struct net_listener listener = {hear, &h};
    struct reason why = REASON_INIT;
    float *images = malloc(BATCH * PICTURE * sizeof *images);
    int labels[BATCH];
    struct net *net;
    o.network = network;
    o.listener = &listener;
    if (net_open(&net, &o, 5, &why))
        fail_msg("net_open: %s", why.sentence);
    const struct net_arena a = net_arena(net);
    h.net = net;
    h.copy = calloc(a.size, sizeof *h.copy);
    h.told = calloc(a.size, 1);
    assert_true(images && h.copy && h.told);
    picture_batch(0, images, labels);
    for (int n = BATCH; n >= BATCH - 1; n--) {
        memset(h.told, 0, a.size);
        h.times = h.upwards = 0;
        assert_int_equal(net_gradients(net, images, labels, n, 0, &why), 0);
        for (size_t i = 0; i < a.size; i++)
            if (h.told[i] != 1)
                fail_msg("gradient %zu is told of %d times", i, h.told[i]);
        assert_memory_equal(h.copy, a.gradient, a.size * sizeof *h.copy);
        assert_int_equal(h.upwards, 1);
        assert_true(h.times > 10);
    }
    free(h.copy);
    free(h.told);
    free(images);
    net_free(net);
}

static void all_computed_gradients_are_told_of(void **state)
{
    (void)state;
    computed_gradients_are_told_of(networks[0]);
    computed_gradients_are_told_of(network_find("mobilenet_v3_small"));
}

static void export_is_torchvisions(void **state)
{
    struct net *net = open_net(1);
    struct tensor *all;
    int count;
    struct reason why = REASON_INIT;

    (void)state;
    assert_int_equal(net_export(net, false, &all, &count, &why), 0);
    assert_int_equal(count, 20 * 5 + 2);
    assert_string_equal(all[0].name, "conv1.weight");
    assert_string_equal(all[1].name, "bn1.weight");
    assert_string_equal(all[4].name, "bn1.running_var");
    assert_string_equal(all[25].name, "layer2.0.conv1.weight");
    assert_string_equal(all[30].name, "layer2.0.conv2.weight");
    assert_string_equal(all[35].name, "layer2.0.downsample.0.weight");
    assert_string_equal(all[39].name, "layer2.0.downsample.1.running_var");
    assert_string_equal(all[100].name, "fc.weight");
    assert_string_equal(all[101].name, "fc.bias");
    assert_int_equal(all[0].rank, 4);
    assert_int_equal(all[0].dim[1], 3);
    assert_int_equal(all[0].dim[3], 7);
    assert_int_equal(all[100].dim[0], CLASSES);
    assert_int_equal(all[100].dim[1], 512);
    free(all);
    all = state_of(net, &count);
    assert_int_equal(count, 20 * 8 + 4);
    assert_string_equal(all[102].name, "momentum.conv1.weight");
    free(all);
    net_free(net);
}

static double deviation(const struct tensor *t, double *mean)
{
    size_t n = tensor_count(t);
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)t->data[i];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += pow((double)t->data[i] - *mean, 2);
    return sqrt(squares / (double)n);
}

/* In each block, the scale that is 0 at first. */
static bool is_added_last(const char *name)
{
    static const char *const of[] = {
        "layer1.0.bn2.weight",          "layer1.1.bn2.weight",
        "layer2.0.downsample.1.weight", "layer2.1.bn2.weight",
        "layer3.0.downsample.1.weight", "layer3.1.bn2.weight",
        "layer4.0.downsample.1.weight", "layer4.1.bn2.weight",
    };

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (!strcmp(name, of[i]))
            return true;
    return false;
}

static void begins_as_torchvision(void **state)
{
    struct net *net = open_net(1), *same = open_net(1), *other = open_net(2);
    int count, others;
    struct tensor *all = state_of(net, &count);
    struct tensor *different = state_of(other, &others);

    (void)state;
    for (int i = 0; i < 102; i++) {
        const struct tensor *t = &all[i];
        double mean, dev = deviation(t, &mean), want;
        if (t->rank == 4) {
            want = sqrt(2.0 / (double)(t->dim[0] * t->dim[2] * t->dim[3]));
            assert_true(fabs(dev / want - 1) < 0.03);
            assert_true(fabs(mean) < 0.05 * want);
        } else if (t->rank == 2) {
            want = 1 / sqrt(3.0 * 512);
            assert_true(fabs(dev / want - 1) < 0.05);
        } else if (strncmp(t->name, "fc", 2)) {
            bool one = strstr(t->name, ".weight") || strstr(t->name, "_var");
            if (is_added_last(t->name))
                one = false;
            assert_true(dev == 0 && mean == (one ? 1 : 0));
        }
    }
    assert_same_state(net, same);
    assert_memory_not_equal(all[0].data, different[0].data, 64);
    free(all);
    free(different);
    net_free(net);
    net_free(same);
    net_free(other);
}

/* Repeating */

static void abandoned_batch_leaves_no_trace(void **state)
{
    struct net *a = open_net(1), *b = open_net(1);
    float images[BATCH * PICTURE], probabilities[BATCH * CLASSES];
    int labels[BATCH];
    struct reason why = REASON_INIT;

    (void)state;
    for (int k = 0; k < 3; k++) {
        picture_batch(k + 7, images, labels);
        assert_int_equal(net_gradients(b, images, labels, 4, 0, &why), 0);
        predict(b, k, 5, probabilities);
        assert_true(train(a, k, BATCH) == train(b, k, BATCH));
    }
    assert_same_state(a, b);
    net_free(a);
    net_free(b);
}

static void import_continues_bit_for_bit(void **state)
{
    struct net *a = open_net(1), *b = open_net(2);
    float pa[BATCH * CLASSES], pb[BATCH * CLASSES];
    struct reason why = REASON_INIT;
    int count;

    (void)state;
    for (int k = 0; k < 3; k++)
        train(a, k, k == 1 ? 5 : BATCH);
    struct tensor *all = state_of(a, &count);
    train(b, 5, BATCH); /* this must leave nothing behind */
    assert_int_equal(net_import(b, all, count, &why), 0);
    free(all);
    assert_same_state(a, b);
    for (int k = 3; k < 6; k++)
        assert_true(train(a, k, k == 4 ? 3 : BATCH) ==
                    train(b, k, k == 4 ? 3 : BATCH));
    assert_same_state(a, b);
    predict(a, 9, BATCH, pa);
    predict(b, 9, BATCH, pb);
    assert_memory_equal(pa, pb, sizeof pa);
    net_free(a);
    net_free(b);
}

/* A network for evaluation only gives what a training one gives. */
static struct net *open_averaging(uint64_t seed)
{
    struct net_options o = small();
    struct reason why = REASON_INIT;
    struct net *net;

    o.average = true;
    if (net_open(&net, &o, seed, &why))
        fail_msg("net_open: %s", why.sentence);
    return net;
}

/* Memory */

static size_t memory_in_use(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

/* After the first batch of a size nothing more is allocated. */
static void steps_allocate_nothing(void **state)
{
    struct net *net = open_averaging(8);
    struct net_rule some = rule;
    float probabilities[BATCH * CLASSES];

    (void)state;
    some.average = 0.5f;
    train_by(net, 0, BATCH, &some);
    train_by(net, 1, BATCH - 1, &some);
    predict(net, 0, BATCH, probabilities);
    size_t before = memory_in_use();
    for (int k = 0; k < 3; k++) {
        train_by(net, k, BATCH, &some);
        train_by(net, k, BATCH - 1, &some);
        predict(net, k, BATCH, probabilities);
        /* oneDNN does not always free its own small buffers */
        assert_in_range(memory_in_use(), 0, before + 16384);
    }
    net_free(net);
}

/* A MobileNet has rows of all kinds: it goes on from a state bit for bit,
 * learns, and a network for evaluation alone says the same. */
static void mobilenet_keeps_the_promises(void **state)
{
    struct net_options o = small();
    struct reason why = REASON_INIT;
    struct net *a, *b, *alone;
    float pa[BATCH * CLASSES], pb[BATCH * CLASSES];
    int count, n;

    (void)state;
    o.network = network_find("mobilenet_v3_small");
    assert_int_equal(net_open(&a, &o, 1, &why), 0);
    assert_int_equal(net_open(&b, &o, 2, &why), 0);
    o.training = false;
    assert_int_equal(net_open(&alone, &o, 3, &why), 0);
    float first = train(a, 0, BATCH), last = first;
    struct tensor *all = state_of(a, &count);
    assert_int_equal(net_import(b, all, count, &why), 0);
    for (int k = 1; k < 20; k++) {
        last = train(a, k, k == 2 ? 5 : BATCH);
        assert_true(train(b, k, k == 2 ? 5 : BATCH) == last);
    }
    assert_same_state(a, b);
    assert_true(last < first);
    free(all);
    assert_int_equal(net_export(a, false, &all, &n, &why), 0);
    assert_int_equal(net_import(alone, all, n, &why), 0);
    predict(a, 3, BATCH, pa);
    predict(alone, 3, BATCH, pb);
    assert_memory_equal(pa, pb, sizeof pa);
    assert_int_equal(net_features(a), 1024);
    free(all);
    net_free(a), net_free(b), net_free(alone);
}

/* The average of the weights */

static const float *values_of(const struct tensor *all, int count,
                              const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(all[i].name, name))
            return all[i].data;
    fail_msg("no tensor '%s'", name);
    return NULL;
}

/* What is evaluated and published is the average, as an export of it shows in
 * a net of its own; what is trained is not. */
static void average_is_evaluated(void **state)
{
    struct net_rule half = rule;
    struct net *net = open_averaging(4), *plain = open_net(4), *copy;
    float before[BATCH * CLASSES], after[BATCH * CLASSES];
    struct tensor *start, *all, *published;
    int count, n;
    struct reason why = REASON_INIT;

    (void)state;
    half.average = 0.5f;
    start = state_of(plain, &count);
    train_by(net, 0, BATCH, &half);
    train_by(plain, 0, BATCH, &rule);
    all = state_of(net, &count);
    const float *first = values_of(start, count, "fc.weight");
    const float *now = values_of(all, count, "fc.weight");
    const float *average = values_of(all, count, "average.fc.weight");
    for (int i = 0; i < CLASSES * 512; i++)
        assert_float_equal(average[i], (first[i] + now[i]) / 2, 1e-6);
    free(start);
    start = state_of(plain, &n); /* the weights are not changed by it */
    assert_memory_equal(now, values_of(start, n, "fc.weight"),
                        CLASSES * 512 * sizeof(float));
    assert_int_equal(net_export(net, false, &published, &n, &why), 0);
    copy = open_net(5);
    assert_int_equal(net_import(copy, published, n, &why), 0);
    predict(net, 3, BATCH, before);
    predict(copy, 3, BATCH, after);
    assert_memory_equal(before, after, sizeof before);
    free(start), free(all), free(published);
    net_free(net), net_free(plain), net_free(copy);
}

/* A state with an average continues bit for bit; weights alone begin a new
 * one. */
static void average_is_state(void **state)
{
    struct net_rule some = rule;
    struct net *a = open_averaging(6), *b = open_averaging(7);
    struct tensor *all;
    int count;
    struct reason why = REASON_INIT;

    (void)state;
    some.average = 0.25f;
    for (int k = 0; k < 3; k++)
        train_by(a, k, BATCH, &some);
    all = state_of(a, &count);
    assert_int_equal(net_import(b, all, count, &why), 0);
    train_by(a, 3, BATCH, &some);
    train_by(b, 3, BATCH, &some);
    assert_same_state(a, b);
    free(all);
    assert_int_equal(net_export(a, false, &all, &count, &why), 0);
    assert_int_equal(net_import(b, all, count, &why), 0);
    int n;
    struct tensor *begun = state_of(b, &n);
    assert_memory_equal(values_of(begun, n, "average.conv1.weight"),
                        values_of(all, count, "conv1.weight"),
                        64 * 3 * 49 * sizeof(float));
    free(begun), free(all);
    net_free(a), net_free(b);
}

/* Statistics that were measured take the place of the base's by their share;
 * a mixture of two halves has a larger variance than their mean where their
 * means differ. */
static void measured_statistics_are_blended(void **state)
{
    struct net *net = open_averaging(3);
    float images[BATCH * PICTURE], p[BATCH * CLASSES], q[BATCH * CLASSES];
    int labels[BATCH], count;
    struct reason why = REASON_INIT;

    (void)state;
    assert_int_equal(net_blend_statistics(net, 1, &why), -EINVAL);
    predict(net, 0, BATCH, p);
    picture_batch(0, images, labels);
    assert_int_equal(net_measure(net, images, BATCH, &why), 0);
    assert_int_equal(net_blend_statistics(net, 0, &why), 0);
    predict(net, 0, BATCH, q);
    assert_memory_equal(p, q, sizeof p);
    assert_int_equal(net_blend_statistics(net, 1, &why), 0);
    struct tensor *own = state_of(net, &count);
    assert_int_equal(net_blend_statistics(net, 0.5, &why), 0);
    struct tensor *half = state_of(net, &count);
    const float *m = values_of(own, count, "bn1.running_mean");
    const float *v = values_of(own, count, "bn1.running_var");
    const float *hm = values_of(half, count, "bn1.running_mean");
    const float *hv = values_of(half, count, "bn1.running_var");
    for (int c = 0; c < 64; c++) { /* the fresh ones are 0 and 1 */
        assert_true(fabsf(hm[c] - m[c] / 2) < 1e-5f);
        float mixed = (1 + v[c]) / 2 + m[c] * m[c] / 4;
        assert_true(fabsf(hv[c] - mixed) < 1e-4f * mixed);
    }
    free(own), free(half);
    /* the measured ones are those by which a batch is normalised */
    assert_int_equal(net_blend_statistics(net, 1, &why), 0);
    net_fix_statistics(net, true);
    assert_int_equal(net_gradients(net, images, labels, BATCH, 0, &why), 0);
    float fixed = net_loss(net);
    net_fix_statistics(net, false);
    assert_int_equal(net_gradients(net, images, labels, BATCH, 0, &why), 0);
    assert_true(fabsf(fixed - net_loss(net)) < 1e-4f);
    net_free(net);
}

/* A row of rate 0 stays as it is, bit for bit, if nothing decays it. */
static void rows_have_rates_of_their_own(void **state)
{
    struct net *net = open_averaging(3), *same = open_averaging(3);
    const struct network *shape = net_network(net);
    struct net_rule some = rule;
    float factors[128];
    int count, n;
    struct reason why = REASON_INIT;

    (void)state;
    for (int i = 0; i < shape->layers; i++)
        factors[i] = i == 0 ? 0 : 1;
    assert_int_equal(net_set_rates(net, factors, &why), 0);
    train_by(net, 0, BATCH, &some);
    struct tensor *all = state_of(net, &count), *old = state_of(same, &n);
    assert_memory_equal(values_of(all, count, "conv1.weight"),
                        values_of(old, n, "conv1.weight"),
                        64 * 3 * 49 * sizeof(float));
    assert_memory_equal(values_of(all, count, "bn1.weight"),
                        values_of(old, n, "bn1.weight"), 64 * sizeof(float));
    assert_memory_not_equal(values_of(all, count, "fc.weight"),
                            values_of(old, n, "fc.weight"), sizeof(float));
    free(all), free(old);
    net_free(net), net_free(same);
}

/* What the head sees, times its weights, makes the probabilities. */
static void features_are_what_the_head_sees(void **state)
{
    struct net *net = open_net(3);
    float images[BATCH * PICTURE], p[BATCH * CLASSES], logit[CLASSES];
    float *x = malloc(BATCH * (size_t)net_features(net) * sizeof *x);
    int labels[BATCH], count, in = net_features(net);
    struct reason why = REASON_INIT;

    (void)state;
    picture_batch(0, images, labels);
    assert_int_equal(net_see(net, images, BATCH, x, &why), 0);
    predict(net, 0, BATCH, p);
    struct tensor *all = state_of(net, &count);
    const float *w = values_of(all, count, "fc.weight");
    const float *bias = values_of(all, count, "fc.bias");
    for (int i = 0; i < BATCH; i++) {
        float sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            logit[c] = bias[c];
            for (int k = 0; k < in; k++)
                logit[c] += w[c * in + k] * x[i * in + k];
            sum += expf(logit[c]);
        }
        for (int c = 0; c < CLASSES; c++)
            assert_true(fabsf(expf(logit[c]) / sum - p[i * CLASSES + c]) <
                        1e-4f);
    }
    free(all), free(x);
    net_free(net);
}

/* The loss of a batch that has its first picture n times. */
static float loss_of_one(struct net *net, int n)
{
    float images[BATCH * PICTURE];
    int labels[BATCH];
    struct reason why = REASON_INIT;

    picture_batch(5, images, labels);
    for (int i = 1; i < n; i++) {
        memcpy(images + i * PICTURE, images, PICTURE * sizeof(float));
        labels[i] = labels[0];
    }
    assert_int_equal(net_gradients(net, images, labels, n, 0.1f, &why), 0);
    return net_loss(net);
}

/* With fixed statistics a picture's loss does not depend on its batch. */
static void statistics_can_be_fixed(void **state)
{
    struct net *net = open_net(3);
    int count, n;

    (void)state;
    for (int k = 0; k < 3; k++)
        train(net, k, BATCH);
    struct tensor *old = state_of(net, &n);
    for (int fixed = 1; fixed >= 0; fixed--) {
        net_fix_statistics(net, fixed);
        train(net, 3, BATCH);
        struct tensor *all = state_of(net, &count);
        for (int i = 0; i < count; i++)
            if (strstr(all[i].name, ".running_mean"))
                assert_int_equal(!memcmp(all[i].data, old[i].data,
                                         tensor_count(&all[i]) * sizeof(float)),
                                 fixed);
        free(all);
    }
    net_fix_statistics(net, true);
    assert_true(fabsf(loss_of_one(net, BATCH) - loss_of_one(net, 1)) < 1e-4f);
    free(old);
    net_free(net);
}

/* Tensors can be set one after the other; the others stay as they are. */
static int give_ones(void *context, const struct tensor *t, struct reason *why)
{
    (void)context;
    (void)why;
    if (strcmp(t->name, "layer3.0.bn1.weight"))
        return 0;
    for (size_t i = 0; i < tensor_count(t); i++)
        t->data[i] = 7;
    return 1;
}

static void weights_are_filled_in(void **state)
{
    struct net *net = open_averaging(3), *same = open_averaging(3);
    struct reason why = REASON_INIT;
    int count, n;

    (void)state;
    assert_int_equal(net_fill(net, give_ones, NULL, &why), 0);
    struct tensor *all = state_of(net, &count), *old = state_of(same, &n);
    for (int i = 0; i < count; i++) {
        bool given = strstr(all[i].name, "layer3.0.bn1.weight") &&
                     strncmp(all[i].name, "momentum.", 9);
        if (given)
            assert_true(all[i].data[0] == 7 && all[i].data[255] == 7);
        else
            assert_memory_equal(all[i].data, old[i].data,
                                tensor_count(&all[i]) * sizeof(float));
    }
    free(all), free(old);
    net_free(net), net_free(same);
}

static void evaluation_only(void **state)
{
    struct net_options o = small();
    struct net *a = open_net(1), *b;
    float pa[BATCH * CLASSES], pb[BATCH * CLASSES];
    struct reason why = REASON_INIT;
    struct tensor *all;
    int count, label = 0;

    (void)state;
    o.training = false;
    for (int k = 0; k < 2; k++)
        train(a, k, BATCH);
    assert_int_equal(net_open(&b, &o, 3, &why), 0);
    assert_int_equal(net_export(a, false, &all, &count, &why), 0);
    assert_int_equal(net_import(b, all, count, &why), 0);
    free(all);
    predict(a, 4, BATCH, pa);
    predict(b, 4, BATCH, pb);
    assert_memory_equal(pa, pb, sizeof pa);
    float images[PICTURE] = {0};
    assert_int_equal(net_gradients(b, images, &label, 1, 0, &why), -EINVAL);
    net_free(a);
    net_free(b);
}

/* What comes out */

static void probabilities_do_not_depend_on_company(void **state)
{
    struct net *net = open_net(1);
    float whole[BATCH * CLASSES], part[BATCH * CLASSES];

    (void)state;
    for (int k = 0; k < 4; k++)
        train(net, k, BATCH);
    predict(net, 3, BATCH, whole);
    predict(net, 3, 2, part);
    for (int i = 0; i < 2; i++) {
        float sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            sum += whole[i * CLASSES + c];
            assert_true(fabsf(whole[i * CLASSES + c] - part[i * CLASSES + c]) <
                        1e-5f);
        }
        assert_true(fabsf(sum - 1) < 1e-5f);
    }
    net_free(net);
}

/* Learns the same few pictures again and again, at a rate that suits so few. */
static void learns_stripes(void **state)
{
    struct net *net = open_net(1);
    float first = train(net, 0, BATCH), last = first;

    (void)state;
    assert_true(first > 0.5f && first < 5);
    for (int k = 1; k < 30; k++)
        last = train(net, k, BATCH);
    /* with a smoothing of 0.1 it is 0.39 at best */
    assert_true(last < 0.6f && last < first);
    net_free(net);
}

static void divergence_is_seen(void **state)
{
    float images[BATCH * PICTURE];
    int labels[BATCH];
    struct net *net = open_net(1);
    struct reason why = REASON_INIT;

    (void)state;
    picture_batch(0, images, labels);
    images[5] = NAN;
    assert_int_equal(net_gradients(net, images, labels, BATCH, 0, &why), 0);
    assert_false(isfinite(net_loss(net)));
    picture_batch(0, images, labels);
    assert_int_equal(net_gradients(net, images, labels, BATCH, 0, &why), 0);
    assert_true(isfinite(net_loss(net)));
    net_free(net);
}

/* One picture with one pixel left has no variance, which must do no harm. */
static void single_picture(void **state)
{
    struct net *net = open_net(1);
    int count;

    (void)state;
    assert_true(isfinite(train(net, 0, 1)));
    struct tensor *all = state_of(net, &count);
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < tensor_count(&all[i]); k++)
            assert_true(isfinite(all[i].data[k]));
    assert_string_equal(all[99].name, "layer4.1.bn2.running_var");
    assert_true(all[99].data[0] == 1);
    free(all);
    net_free(net);
}

static void odd_sides(void **state)
{
    static const int sides[] = {33, 50, 97};
    struct reason why = REASON_INIT;
    float p[4];
    int labels[2] = {0, 1};

    (void)state;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct net_options o = {
            .classes = 2, .image_size = sides[i], .batch = 2, .training = true};
        size_t values = 2 * 3 * (size_t)sides[i] * (size_t)sides[i];
        float *images = calloc(values, sizeof *images);
        struct net *net;
        for (size_t k = 0; k < values; k++)
            images[k] = (float)(k * 31 % 256);
        assert_int_equal(net_open(&net, &o, 1, &why), 0);
        assert_int_equal(net_gradients(net, images, labels, 2, 0, &why), 0);
        assert_true(isfinite(net_loss(net)));
        assert_int_equal(net_update(net, &rule, &why), 0);
        assert_int_equal(net_predict(net, images, 2, p, &why), 0);
        assert_true(isfinite(p[0]) && isfinite(p[3]));
        net_free(net);
        free(images);
    }
}

/* An evaluation uses the memory of the gradients, and leaves nothing in
 * them. */
static void evaluation_abandons_the_batch(void **state)
{
    struct net *net = open_net(1), *same = open_net(1);
    float images[BATCH * PICTURE], p[BATCH * CLASSES];
    int labels[BATCH], count;
    struct reason why = REASON_INIT;
    struct tensor *all;

    (void)state;
    picture_batch(0, images, labels);
    assert_int_equal(net_gradients(net, images, labels, BATCH, 0.1f, &why), 0);
    predict(net, 0, BATCH, p);
    assert_int_equal(net_update(net, &rule, &why), -EINVAL);
    assert_int_equal(net_export_gradients(net, &all, &count, &why), -EINVAL);
    for (int k = 0; k < 3; k++) {
        train(net, k, BATCH);
        train(same, k, BATCH);
        predict(net, k, BATCH, p);
    }
    assert_same_state(net, same);
    net_free(net);
    net_free(same);
}

/* Refusals */

static void bad_options(void **state)
{
    static const struct net_options bad[] = {
        {.classes = 1, .image_size = SIDE, .batch = 1},
        {.classes = 2, .image_size = 31, .batch = 1},
        {.classes = 2, .image_size = SIDE, .batch = 0},
    };
    struct net *net;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reason why = REASON_INIT;
        assert_int_equal(net_open(&net, &bad[i], 1, &why), -EINVAL);
        assert_int_equal(why.code, EINVAL);
    }
}

static void bad_batches(void **state)
{
    float images[BATCH * PICTURE] = {0}, p[BATCH * CLASSES];
    int labels[BATCH] = {0};
    struct net *net = open_net(1);
    struct reason why = REASON_INIT;

    (void)state;
    assert_int_equal(net_update(net, &rule, &why), -EINVAL);
    assert_int_equal(net_gradients(net, images, labels, 0, 0, &why), -EINVAL);
    assert_int_equal(net_gradients(net, images, labels, BATCH + 1, 0, &why),
                     -EINVAL);
    assert_int_equal(net_predict(net, images, BATCH + 1, p, &why), -EINVAL);
    labels[2] = CLASSES;
    assert_int_equal(net_gradients(net, images, labels, BATCH, 0, &why),
                     -EINVAL);
    labels[2] = 0;
    assert_int_equal(net_gradients(net, images, labels, BATCH, 0, &why), 0);
    assert_int_equal(net_update(net, &rule, &why), 0);
    assert_int_equal(net_update(net, &rule, &why), -EINVAL);
    net_free(net);
}

static void bad_imports_change_nothing(void **state)
{
    struct net *net = open_net(1), *same = open_net(1), *other = open_net(2);
    struct reason why = REASON_INIT;
    int count;
    struct tensor *all = state_of(other, &count);

    (void)state;
    assert_int_equal(net_check(net, all, count, &why), 0);
    assert_int_equal(net_check(net, all, 101, &why), -EINVAL);
    assert_int_equal(net_import(net, all, 101, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "'fc.bias'"));
    all[100].dim[0]++;
    assert_int_equal(net_import(net, all, count, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "'fc.weight'"));
    all[100].dim[0]--;
    all[102].rank = 3;
    assert_int_equal(net_import(net, all, count, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "'momentum.conv1.weight'"));
    assert_same_state(net, same);
    free(all);
    net_free(net);
    net_free(same);
    net_free(other);
}

static void bf16_or_a_reason(void **state)
{
    struct net_options o = small();
    struct reason why = REASON_INIT;
    struct net *net;

    (void)state;
    o.bf16 = true;
    int rc = net_open(&net, &o, 1, &why);
    if (rc) {
        assert_int_equal(rc, -ENOTSUP);
        assert_false(net_bf16_fast());
        assert_true(strlen(why.sentence) > 0);
        print_message("bf16 not tried: %s\n", why.sentence);
        skip();
    }
    struct net *exact = open_net(1);
    float loss = train(net, 0, BATCH);
    assert_true(fabsf(loss - train(exact, 0, BATCH)) < 0.05f);
    for (int k = 1; k < 30; k++)
        loss = train(net, k, BATCH);
    assert_true(loss < 0.7f);
    net_free(net);
    net_free(exact);
}

/* For tests/peers/gradients.sh */

static int peer_fail(const struct reason *why)
{
    fprintf(stderr, "net_test: %s\n", why->sentence);
    return 1;
}

static const float *batch_find(const struct safetensors *all, const char *what,
                               int k, int *n)
{
    char name[32];

    snprintf(name, sizeof name, "%s.%d", what, k);
    for (int i = 0; i < all->count; i++)
        if (!strcmp(all->tensors[i].name, name)) {
            *n = (int)all->tensors[i].dim[0];
            return all->tensors[i].data;
        }
    fprintf(stderr, "net_test: no '%s'\n", name);
    exit(1);
}

/* Writes NAME.K; a state has net_loss() as "loss", too. */
static int write_step(struct net *net, int k, bool state, struct reason *why)
{
    float loss = net_loss(net);
    struct tensor *all, *more;
    char name[32];
    int count, rc = state ? net_export(net, true, &all, &count, why)
                          : net_export_gradients(net, &all, &count, why);

    if (rc)
        return rc;
    more = calloc((size_t)count + 1, sizeof *more);
    memcpy(more, all, (size_t)count * sizeof *more);
    more[count] = (struct tensor){"loss", 1, {1, 1, 1, 1}, &loss};
    snprintf(name, sizeof name, "%s.%d", state ? "state" : "gradients", k);
    rc = safetensors_write(name, more, count + 1, NULL, 0, why);
    free(more);
    free(all);
    return rc;
}

static int write_probabilities(struct net *net, const float *images, int n,
                               int classes, struct reason *why)
{
    float *values = calloc((size_t)n * classes, sizeof *values);
    struct tensor t = {"probabilities", 2, {n, classes, 1, 1}, values};
    int rc = net_predict(net, images, n, values, why);

    if (!rc)
        rc = safetensors_write("probabilities", &t, 1, NULL, 0, why);
    free(values);
    return rc;
}

static int peer_step(struct net *net, const struct safetensors *batches, int k,
                     char **arg, struct reason *why)
{
    const struct net_rule r = {
        {strtof(arg[7], NULL), strtof(arg[8], NULL), strtof(arg[9], NULL)}, 0};
    int n, labels[64];
    const float *names = batch_find(batches, "labels", k, &n);

    for (int i = 0; i < n; i++)
        labels[i] = (int)names[i];
    int rc = net_gradients(net, batch_find(batches, "images", k, &n), labels, n,
                           strtof(arg[6], NULL), why);
    if (!rc)
        rc = write_step(net, k, false, why);
    if (!rc)
        rc = net_update(net, &r, why);
    return rc ? rc : write_step(net, k + 1, true, why);
}

static int peer(char **arg)
{
    struct net_options o = {.network = network_find(arg[11]),
                            .classes = atoi(arg[2]),
                            .image_size = atoi(arg[3]),
                            .batch = atoi(arg[4]),
                            .bf16 = !strcmp(arg[10], "bf16"),
                            .training = true};
    struct safetensors weights = SAFETENSORS_INIT, weak = SAFETENSORS_INIT;
    struct safetensors batches = SAFETENSORS_INIT;
    struct reason why = REASON_INIT;
    int n, steps = atoi(arg[5]);
    struct net *net;

    if (chdir(arg[1]) || safetensors_read(&weights, "weights", &why) ||
        safetensors_read(&weak, "weak", &why) ||
        safetensors_read(&batches, "batches", &why) ||
        net_open(&net, &o, 0, &why) ||
        net_import(net, weights.tensors, weights.count, &why) ||
        write_step(net, 0, true, &why))
        return peer_fail(&why);
    net_fix_statistics(net, !strcmp(arg[12], "fixed"));
    for (int k = 0; k < steps; k++)
        if (peer_step(net, &batches, k, arg, &why))
            return peer_fail(&why);
    const float *images = batch_find(&batches, "images", 0, &n);
    if (net_import(net, weak.tensors, weak.count, &why) ||
        write_probabilities(net, images, n, o.classes, &why))
        return peer_fail(&why);
    net_free(net);
    safetensors_release(&weights);
    safetensors_release(&weak);
    safetensors_release(&batches);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_computed_gradients_are_told_of),
        cmocka_unit_test(export_is_torchvisions),
        cmocka_unit_test(begins_as_torchvision),
        cmocka_unit_test(abandoned_batch_leaves_no_trace),
        cmocka_unit_test(import_continues_bit_for_bit),
        cmocka_unit_test(steps_allocate_nothing),
        cmocka_unit_test(mobilenet_keeps_the_promises),
        cmocka_unit_test(average_is_evaluated),
        cmocka_unit_test(average_is_state),
        cmocka_unit_test(measured_statistics_are_blended),
        cmocka_unit_test(rows_have_rates_of_their_own),
        cmocka_unit_test(features_are_what_the_head_sees),
        cmocka_unit_test(statistics_can_be_fixed),
        cmocka_unit_test(weights_are_filled_in),
        cmocka_unit_test(evaluation_only),
        cmocka_unit_test(probabilities_do_not_depend_on_company),
        cmocka_unit_test(learns_stripes),
        cmocka_unit_test(divergence_is_seen),
        cmocka_unit_test(single_picture),
        cmocka_unit_test(odd_sides),
        cmocka_unit_test(evaluation_abandons_the_batch),
        cmocka_unit_test(bad_options),
        cmocka_unit_test(bad_batches),
        cmocka_unit_test(bad_imports_change_nothing),
        cmocka_unit_test(bf16_or_a_reason),
    };
    if (argc == 13)
        return peer(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
