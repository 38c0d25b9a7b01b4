#include "trainer/files/onnx.h"

#include "trainer/files/graph.h"
#include "trainer/net/layer.h"

#include <errno.h>
#include <stdlib.h>

static const char *add_normalisation(struct graph *g, const char *image)
{
    static const int64_t dim[] = {3, 1, 1};
    const char *mean = graph_constant(g, "mean", dim, 3, network_mean);
    const char *deviation =
        graph_constant(g, "deviation", dim, 3, network_deviation);
    image = graph_node(g, "Sub", "image", ".centred", GRAPH_NAMES(image, mean));
    return graph_node(g, "Div", "image", ".normalised",
                      GRAPH_NAMES(image, deviation));
}

/* Adds the nodes of all rows. `result` has room for the name of each row's
 * result. */
static void add_rows(struct graph *g, const struct network *net, int image_size,
                     const char *image, const char **result)
{
    for (int r = 0; r < net->layers; r++) {
        int input = network_input(net, r), shortcut = network_shortcut(net, r);
        graph_row(g, network_side(net, r, image_size));
        result[r] =
            layer_type(&net->layer[r])
                ->onnx(g, &net->layer[r], input < 0 ? image : result[input],
                       shortcut < 0 ? NULL : result[shortcut]);
    }
    graph_node(g, "Softmax", "probabilities", "",
               GRAPH_NAMES(result[network_head(net)]));
    graph_int(g, "axis", 1);
}

static int add_network(struct graph *g, const struct network *net,
                       int image_size, const char *image, struct reason *why)
{
    const char **result = calloc((size_t)net->layers, sizeof *result);
    if (!result)
        return refuse(why, ENOMEM, "no memory to export the model");
    add_rows(g, net, image_size, add_normalisation(g, image), result);
    free(result);
    return 0;
}

static const char *add_ends(struct graph *g, const struct classifier *model)
{
    int side = model->image_size, channels = model->network->layer[0].in;
    const struct graph_end image = {
        .name = "image",
        .what = "RGB, 0 to 255",
        .kind = "IMAGE",
        .rank = 4,
        .dim = {0, channels, side, side},
        .meaning = {"DATA_BATCH", "DATA_CHANNEL", "DATA_FEATURE",
                    "DATA_FEATURE"},
    };
    const struct graph_end probabilities = {
        .name = "probabilities",
        .what = "of the classes, in the order of the metadata",
        .rank = 2,
        .dim = {0, model->classes},
        .meaning = {"DATA_BATCH"},
    };
    graph_output(g, &probabilities);
    return graph_input(g, &image);
}

int onnx_write(const char *path, const struct classifier *model,
               const struct metadata *metadata, int metadata_count,
               struct reason *why)
{
    struct graph *g = graph_open(model->network->name, model->tensors,
                                 model->count, model->classes, why);
    int err = add_network(g, model->network, model->image_size,
                          add_ends(g, model), why);
    if (err == 0)
        err = graph_save(g, path, metadata, metadata_count);
    graph_free(g);
    return err;
}
