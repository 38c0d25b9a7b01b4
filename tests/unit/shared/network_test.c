/* network.h: the networks are torchvision's in rows and parameters. */
#include "core/shared/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Parameters with a head for ImageNet's classes, as torchvision documents. */
static long parameters(const struct network *net)
{
    long sum = 0;
    for (int i = 0; i < net->layers; i++) {
        const struct layer *l = &net->layer[i];
        long out = l->out ? l->out : 1000;
        if (l->kind == LAYER_CONVOLUTION)
            sum += out * l->in * l->kernel * l->kernel + 2 * out;
        else if (l->kind == LAYER_LINEAR)
            sum += out * l->in + out;
    }
    return sum;
}

static void parameters_are_torchvisions(void **state)
{
    (void)state;
    assert_int_equal(parameters(network_find("resnet18")), 11689512);
    assert_int_equal(parameters(network_find("resnet34")), 21797672);
    assert_int_equal(parameters(network_find("resnet50")), 25557032);
    assert_null(network_find("resnet101"));
}

/* A row reads rows before it, of as many channels, and adds one of its own
 * shape. */
static void rows_fit(const struct network *net)
{
    for (int i = 0; i < net->layers; i++) {
        const struct layer *l = &net->layer[i];
        assert_true(l->input < i && l->shortcut < i);
        assert_int_equal(l->input < 0 ? 3 : net->layer[l->input].out, l->in);
        if (l->shortcut < 0)
            continue;
        assert_int_equal(net->layer[l->shortcut].out, l->out);
        assert_int_equal(network_side(net, l->shortcut, 224),
                         network_side(net, i, 224));
    }
    assert_int_equal(network_side(net, net->layers - 3, 224), 7);
    assert_int_equal(network_side(net, net->layers - 1, 224), 1);
}

static void all_rows_fit(void **state)
{
    (void)state;
    for (int i = 0; i < NETWORKS; i++)
        rows_fit(&networks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_torchvisions),
        cmocka_unit_test(all_rows_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
