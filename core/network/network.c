#include "core/network/network.h"

#include "core/basic/language.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

const float network_mean[3] = {123.675f, 116.28f, 103.53f};
const float network_deviation[3] = {58.395f, 57.12f, 57.375f};

/* The smallest ResNet is the one that is meant where nothing is said. */
#define NETWORKS(NETWORK)                                                      \
    NETWORK(resnet18)                                                          \
    NETWORK(resnet34)                                                          \
    NETWORK(resnet50)                                                          \
    NETWORK(mobilenet_v3_small)

#define DECLARE(name) extern const struct network network_##name;
NETWORKS(DECLARE)

#define ENTRY(name) &network_##name,
const struct network *const networks[] = {NETWORKS(ENTRY)};
const int networks_count = sizeof networks / sizeof *networks;

const struct network *network_find(const char *name)
{
    for (int i = 0; i < networks_count; i++)
        if (!strcmp(networks[i]->name, name))
            return networks[i];
    return NULL;
}

const struct network *network_fresh(const char *base)
{
    for (int i = 0; i < networks_count; i++)
        if (networks[i]->fresh && !strcmp(networks[i]->fresh, base))
            return networks[i];
    return NULL;
}

/* The separator before the i-th network in a sentence. */
static const char *separator(int i)
{
    return i == 0 ? "" : i < networks_count - 1 ? ", " : _(" or ");
}

void networks_put_titles(struct text *out)
{
    for (int i = 0; i < networks_count; i++)
        text_printf(out, "%s%s", separator(i), networks[i]->title);
}

void networks_put_names(struct text *out)
{
    for (int i = 0; i < networks_count; i++)
        text_printf(out, "%s%s", separator(i), networks[i]->name);
}

/* Weights */

static bool layer_has(const struct layer *l, enum weight_part part)
{
    if (part == WEIGHT_KERNEL)
        return l->rank > 0;
    return part == WEIGHT_BIAS ? l->bias : l->norm != NULL;
}

bool layer_weight(const struct layer *l, enum weight_part part, int classes,
                  struct weight_shape *out)
{
    static const char *const suffix[WEIGHT_PARTS] = {
        [WEIGHT_KERNEL] = ".weight",     [WEIGHT_BIAS] = ".bias",
        [WEIGHT_GAMMA] = ".weight",      [WEIGHT_BETA] = ".bias",
        [WEIGHT_MEAN] = ".running_mean", [WEIGHT_VARIANCE] = ".running_var",
    };
    if (!layer_has(l, part))
        return false;
    snprintf(out->name, sizeof out->name, "%s%s",
             part < WEIGHT_GAMMA ? l->name : l->norm, suffix[part]);
    out->rank = part == WEIGHT_KERNEL ? l->rank : 1;
    out->dim[0] = l->out ? l->out : classes;
    out->dim[1] = out->rank > 1 ? l->in / (l->groups ? l->groups : 1) : 1;
    out->dim[2] = out->dim[3] = out->rank > 2 ? l->kernel : 1;
    return true;
}

bool network_is_head(const struct network *net, const char *name)
{
    const char *head = net->layer[network_head(net)].name;
    size_t n = strlen(head);
    return !strncmp(name, head, n) && name[n] == '.';
}
