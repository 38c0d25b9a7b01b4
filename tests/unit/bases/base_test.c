/* timeout: 300
 * not under: thread (it is all OpenMP)
 *
 * base.h: a base that was made for pictures that are normalised in another way
 * is the same network here. */
#include "trainer/bases/base.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIDE = 64, CLASSES = 3, PICTURE = 3 * SIDE * SIDE };

static struct net *open_net(uint64_t seed)
{
    const struct net_options o = {
        .classes = CLASSES, .image_size = SIDE, .batch = 1, .training = true};
    struct reason why = REASON_INIT;
    struct net *net;
    if (net_open(&net, &o, seed, &why))
        fail_msg("net_open: %s", why.sentence);
    return net;
}

/* Writes the weights of a network to `path`, with up to two metadata. */
static void weights_save(const struct net *net, const char *path,
                         const struct metadata *metadata, int count)
{
    struct tensor *t;
    int tensors;
    struct reason why = REASON_INIT;
    assert_int_equal(net_export(net, false, &t, &tensors, &why), 0);
    if (safetensors_write(path, t, tensors, metadata, count, &why))
        fail_msg("safetensors_write: %s", why.sentence);
    free(t);
}

static int weights_load(struct net *net, const char *path, struct reason *why)
{
    struct base b = BASE_INIT;
    int err = base_open(&b, path, why);
    if (err == 0)
        err = base_give(&b, net, true, why);
    base_release(&b);
    return err;
}

/* The probabilities of a picture, whose values from 0 to 255 are normalised by
 * `mean` and `deviation` instead of ImageNet's. */
static void predict(struct net *net, const double *mean,
                    const double *deviation, float *out)
{
    float *image = malloc(PICTURE * sizeof *image);
    struct reason why = REASON_INIT;
    for (int i = 0; i < PICTURE; i++) {
        int c = i / (SIDE * SIDE), x = i % SIDE, y = i / SIDE % SIDE;
        double value = 128 + 100 * sin(0.2 * x + c) * cos(0.3 * y);
        image[i] =
            (float)((value - mean[c]) / deviation[c] * network_deviation[c] +
                    network_mean[c]);
    }
    assert_int_equal(net_predict(net, image, 1, out, &why), 0);
    free(image);
}

static double distance(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < CLASSES; i++)
        sum += fabs(log(a[i]) - log(b[i]));
    return sum;
}

static const double imagenet_mean[] = {123.675, 116.28, 103.53},
                    imagenet_deviation[] = {58.395, 57.12, 57.375};

/* What the file says is used: the network then says of a picture what it said
 * of the same picture when it was normalised as the file says, but for what
 * padding changes at the borders. */
static void says_the_same(const double *mean, const double *deviation,
                          const struct metadata *metadata, int count)
{
    struct net *theirs = open_net(1), *ours = open_net(2), *deaf = open_net(2);
    float wanted[CLASSES], got[CLASSES], unsaid[CLASSES];
    struct reason why = REASON_INIT;
    char path[] = "/tmp/base_test.XXXXXX";
    close(mkstemp(path));

    predict(theirs, mean, deviation, wanted);
    weights_save(theirs, path, metadata, count);
    assert_int_equal(weights_load(ours, path, &why), 0);
    predict(ours, imagenet_mean, imagenet_deviation, got);
    weights_save(theirs, path, NULL, 0);
    assert_int_equal(weights_load(deaf, path, &why), 0);
    predict(deaf, imagenet_mean, imagenet_deviation, unsaid);

    print_message("said %.4f, unsaid %.4f\n", distance(got, wanted),
                  distance(unsaid, wanted));
    assert_true(distance(got, wanted) < 0.2 * distance(unsaid, wanted));
    unlink(path);
    net_free(theirs);
    net_free(ours);
    net_free(deaf);
}

static void takes_values_from_0_to_1(void **state)
{
    (void)state;
    const struct metadata said[] = {{"mean", "0, 0, 0"}, {"std", "1, 1, 1"}};
    const double mean[] = {0, 0, 0}, deviation[] = {255, 255, 255};
    says_the_same(mean, deviation, said, 2);
}

static void takes_values_from_0_to_255(void **state)
{
    (void)state;
    const struct metadata said[] = {{"mean", "104, 117, 123"},
                                    {"std", "40, 50, 60"}};
    const double mean[] = {104, 117, 123}, deviation[] = {40, 50, 60};
    says_the_same(mean, deviation, said, 2);
}

static void takes_what_timm_writes(void **state)
{
    (void)state;
    const struct metadata said[] = {
        {"pretrained_cfg", "{\"input_size\": [3, 224, 224], \"mean\": "
                           "[0.5, 0.4, 0.45], \"std\": [0.1, 0.15, 0.2]}"}};
    const double mean[] = {127.5, 102, 114.75}, deviation[] = {25.5, 38.25, 51};
    says_the_same(mean, deviation, said, 1);
}

/* What a weight has to be whose name ends so, when timm's epsilon is taken into
 * account; `variance` is that of its normalisation. */
static double by_timm(const char *name, double value, double variance)
{
    const char *end = strrchr(name, '.');
    bool scale = !strcmp(end, ".weight") && variance;
    return scale ? value * sqrt((variance + 1e-3) / (variance + 1e-5)) : value;
}

/* The tensor NORM.running_var beside NORM.weight; NULL = it is none of a
 * normalisation. */
static const struct tensor *variance_of(const struct tensor *all, int count,
                                        const char *name)
{
    char wanted[80];
    snprintf(wanted, sizeof wanted, "%.*s.running_var",
             (int)(strrchr(name, '.') - name), name);
    for (int i = 0; i < count; i++)
        if (!strcmp(all[i].name, wanted))
            return &all[i];
    return NULL;
}

static struct net *open_mobilenet(uint64_t seed)
{
    const struct net_options o = {.network = network_fresh("mobilenet"),
                                  .classes = CLASSES,
                                  .image_size = SIDE,
                                  .batch = 1};
    struct reason why = REASON_INIT;
    struct net *net;
    if (net_open(&net, &o, seed, &why))
        fail_msg("net_open: %s", why.sentence);
    return net;
}

/* Writes the tensors under timm's names. */
static void timm_save(const char *path, const struct tensor *t, int count)
{
    const struct naming *timm = network_fresh("mobilenet")->namings[1];
    struct tensor *renamed = calloc((size_t)count, sizeof *renamed);
    struct reason why = REASON_INIT;
    for (int i = 0; i < count; i++) {
        renamed[i] = t[i];
        timm->put(renamed[i].name, sizeof renamed[i].name, t[i].name);
    }
    if (safetensors_write(path, renamed, count, NULL, 0, &why))
        fail_msg("safetensors_write: %s", why.sentence);
    free(renamed);
}

/* timm adds less to a variance than torchvision's network does, which is ours.
 * The scales make up for it; small variances show it. */
static void takes_timms_epsilon(void **state)
{
    struct net *theirs = open_mobilenet(1), *ours = open_mobilenet(2);
    struct tensor *t, *got;
    struct reason why = REASON_INIT;
    int count, same;
    char path[] = "/tmp/base_test.XXXXXX";
    (void)state;
    close(mkstemp(path));
    assert_int_equal(net_export(theirs, false, &t, &count, &why), 0);
    for (int i = 0; i < count; i++)
        for (size_t k = 0; variance_of(&t[i], 1, t[i].name) == &t[i] &&
                           k < tensor_count(&t[i]);
             k++)
            t[i].data[k] = 1e-4f * (float)(k + 1);
    timm_save(path, t, count);
    assert_int_equal(weights_load(ours, path, &why), 0);
    assert_int_equal(net_export(ours, false, &got, &same, &why), 0);
    assert_int_equal(same, count);
    for (int i = 0; i < count; i++) {
        const struct tensor *v = variance_of(t, count, t[i].name);
        for (size_t k = 0; k < tensor_count(&t[i]); k++)
            assert_float_equal(
                got[i].data[k],
                by_timm(t[i].name, t[i].data[k], v ? v->data[k] : 0), 1e-5);
    }
    free(t);
    free(got);
    unlink(path);
    net_free(theirs);
    net_free(ours);
}

/* With a negative variance there is no such factor. */
static void refuses_a_negative_variance(void **state)
{
    struct net *net = open_mobilenet(1);
    struct tensor *t;
    struct reason why = REASON_INIT;
    int count;
    char path[] = "/tmp/base_test.XXXXXX";
    (void)state;
    close(mkstemp(path));
    assert_int_equal(net_export(net, false, &t, &count, &why), 0);
    for (int i = 0; i < count; i++)
        if (variance_of(&t[i], 1, t[i].name) == &t[i])
            t[i].data[0] = -1;
    timm_save(path, t, count);
    assert_int_equal(weights_load(net, path, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "'bn1.running_var' has a negative"));
    free(t);
    unlink(path);
    net_free(net);
}

static void refuses_nonsense(void **state)
{
    (void)state;
    static const char *const values[][2] = {
        {"0.5", "0.5"},         {"0.5, 0.5, 0.5", "0, 0.5, 0.5"},
        {"a, b, c", "1, 1, 1"}, {"-3, 0.5, 0.5", "1, 1, 1"},
        {"", "1, 1, 1"},        {"1e999, 0, 0", "1, 1, 1"},
    };
    char path[] = "/tmp/base_test.XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const struct metadata said[] = {{"architecture", "resnet18"},
                                        {"mean", values[i][0]},
                                        {"std", values[i][1]}};
        struct reason why = REASON_INIT;
        struct base b = BASE_INIT;
        assert_int_equal(safetensors_write(path, NULL, 0, said, 3, &why), 0);
        assert_int_equal(base_open(&b, path, &why), -EINVAL);
        assert_non_null(strstr(why.sentence, "'mean' and 'std'"));
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_values_from_0_to_1),
        cmocka_unit_test(takes_values_from_0_to_255),
        cmocka_unit_test(takes_what_timm_writes),
        cmocka_unit_test(takes_timms_epsilon),
        cmocka_unit_test(refuses_a_negative_variance),
        cmocka_unit_test(refuses_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
