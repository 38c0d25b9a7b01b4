/* The table of the kinds of layers. To add one, write a file that defines
 * layer_KIND, and add a line here. */
#include "trainer/net/layer.h"

#include <stdlib.h>
#include <string.h>

#define LAYER_TYPES(TYPE)                                                      \
    TYPE(convolution)                                                          \
    TYPE(depthwise)                                                            \
    TYPE(squeeze)                                                              \
    TYPE(excite)                                                               \
    TYPE(max_pool)                                                             \
    TYPE(mean_pool)                                                            \
    TYPE(linear)

#define DECLARE(name) extern const struct layer_type layer_##name;
LAYER_TYPES(DECLARE)

#define ENTRY(name) &layer_##name,
static const struct layer_type *const layer_types[] = {LAYER_TYPES(ENTRY)};

const struct layer_type *layer_type(const struct layer *l)
{
    for (size_t i = 0; i < sizeof layer_types / sizeof *layer_types; i++)
        if (!strcmp(layer_types[i]->kind, l->kind))
            return layer_types[i];
    abort();
}

int network_side(const struct network *net, int row, int image_size)
{
    if (row < 0)
        return image_size;
    const struct layer *l = &net->layer[row];
    int side = network_side(net, network_input(net, row), image_size);
    return layer_type(l)->side(l, side);
}

int layer_window_side(const struct layer *l, int side)
{
    return (side + 2 * l->padding - l->kernel) / l->stride + 1;
}
