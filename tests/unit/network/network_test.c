/* network.h: the networks are torchvision's in rows and parameters, and their
 * marks tell them apart. */
#include "core/network/network.h"

#include "trainer/net/layer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Parameters with a head for ImageNet's classes, as torchvision documents. */
static long parameters(const struct network *net)
{
    struct weight_shape w;
    long sum = 0;
    for (int i = 0; i < net->layers; i++)
        for (enum weight_part p = 0; p < WEIGHT_MEAN; p++)
            if (layer_weight(&net->layer[i], p, 1000, &w))
                sum += (long)(w.dim[0] * w.dim[1] * w.dim[2] * w.dim[3]);
    return sum;
}

static void parameters_are_torchvisions(void **state)
{
    (void)state;
    assert_int_equal(parameters(network_find("resnet18")), 11689512);
    assert_int_equal(parameters(network_find("resnet34")), 21797672);
    assert_int_equal(parameters(network_find("resnet50")), 25557032);
    assert_int_equal(parameters(network_find("mobilenet_v3_small")), 2542856);
    assert_null(network_find("resnet101"));
}

/* A row reads rows before it, of as many channels, and adds one of its own
 * shape. */
static void rows_fit(const struct network *net)
{
    for (int i = 0; i < net->layers; i++) {
        const struct layer *l = &net->layer[i];
        int input = network_input(net, i), add = network_shortcut(net, i);
        assert_true(input >= -1 && input < i && add >= -1 && add < i);
        assert_int_equal(input < 0 ? 3 : net->layer[input].out, l->in);
        if (add < 0)
            continue;
        assert_int_equal(net->layer[add].out, l->out);
        /* gates are of one pixel, which is multiplied with all */
        assert_int_equal(network_side(net, add, 224),
                         l->norm ? network_side(net, i, 224) : 1);
    }
    int pool = network_head(net);
    while (strcmp(net->layer[pool].kind, "mean pool"))
        pool--;
    assert_int_equal(network_side(net, pool - 1, 224), 7);
    assert_int_equal(network_side(net, network_head(net), 224), 1);
}

static void all_rows_fit(void **state)
{
    (void)state;
    for (int i = 0; i < networks_count; i++)
        rows_fit(networks[i]);
}

/* A mark is the name of a weight, which the networks before do not have. */
static bool has_weight(const struct network *net, const char *name)
{
    struct weight_shape w;
    for (int i = 0; i < net->layers; i++)
        for (enum weight_part p = 0; p < WEIGHT_PARTS; p++)
            if (layer_weight(&net->layer[i], p, 1000, &w) &&
                !strcmp(w.name, name))
                return true;
    return false;
}

static void marks_tell_networks_apart(void **state)
{
    (void)state;
    for (int i = 1; i < networks_count; i++) {
        if (!networks[i]->mark)
            continue;
        assert_true(has_weight(networks[i], networks[i]->mark));
        for (int k = 0; k < i; k++)
            assert_false(has_weight(networks[k], networks[i]->mark));
    }
}

static void texts_name_all_networks(void **state)
{
    (void)state;
    struct text s = TEXT_INIT;
    networks_put_titles(&s);
    assert_string_equal(text_string(&s), "ResNet-18, ResNet-34, ResNet-50 or "
                                         "MobileNetV3-Small");
    text_clear(&s);
    networks_put_names(&s);
    assert_string_equal(text_string(&s), "resnet18, resnet34, resnet50 or "
                                         "mobilenet_v3_small");
    text_release(&s);
}

/* Each has a first weight of its own, by which its files are told. */
static void families_differ(void **state)
{
    (void)state;
    for (int i = 1; i < networks_count; i++)
        for (int k = 0; k < i; k++)
            assert_true(
                networks[i]->namings == networks[k]->namings ||
                strcmp(networks[i]->layer->name, networks[k]->layer->name));
}

static void names_of_fresh_networks(void **state)
{
    (void)state;
    assert_ptr_equal(network_fresh("scratch"), networks[0]);
    assert_string_equal(network_fresh("mobilenet")->name, "mobilenet_v3_small");
    assert_null(network_fresh("base"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_torchvisions),
        cmocka_unit_test(all_rows_fit),
        cmocka_unit_test(marks_tell_networks_apart),
        cmocka_unit_test(texts_name_all_networks),
        cmocka_unit_test(families_differ),
        cmocka_unit_test(names_of_fresh_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
