#include "trainer/bases/base.h"

#include "trainer/bases/base_norm.h"
#include "trainer/bases/base_pictures.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { SIDE_MOST = 1024 }; /* of what a base says: as of image_size itself */

/* 0 = the metadata say nothing, or nothing that could be. */
static int side_read(const struct safetensors_header *h)
{
    const char *value =
        metadata_find(h->metadata, h->metadata_count, "image_size");
    char *end = NULL;
    long side = value ? strtol(value, &end, 10) : 0;
    return value && *end == 0 && side > 0 && side <= SIDE_MOST ? (int)side : 0;
}

int base_open(struct base *b, const char *path, struct reason *why)
{
    struct base fresh = BASE_INIT;
    int err = safetensors_open(&fresh.file, path, why);
    if (err)
        return err;
    const struct safetensors_header *h = &fresh.file.header;
    err = base_match(&fresh.match, h, why);
    if (err)
        reason_prefix(why, "'%s': ", path);
    else /* files of other programs have no list of classes */
        strings_parse(metadata_find(h->metadata, h->metadata_count, "classes"),
                      &fresh.class_names, &fresh.classes);
    fresh.image_size = side_read(h);
    if (err)
        base_release(&fresh);
    else
        *b = fresh;
    return err;
}

void base_release(struct base *b)
{
    strings_free(b->class_names, b->classes);
    safetensors_close(&b->file);
    *b = (struct base)BASE_INIT;
}

/* Read */

const struct network *base_network(const struct base *b)
{
    return b->match.network ? b->match.network : networks[0];
}

bool base_is_trained(const struct base *b)
{
    return b->match.naming != NULL;
}

bool base_has_head_for(const struct base *b, char *const *class_names,
                       int classes)
{
    if (b->classes != classes || b->match.classes != classes)
        return false;
    for (int i = 0; i < classes; i++)
        if (strcmp(b->class_names[i], class_names[i]))
            return false;
    return true;
}

/* The scales of the first normalisation identify the file: every training
 * changes them. */
int base_identity(const struct base *b, struct text *out, struct reason *why)
{
    const struct safetensors_header *h = &b->file.header;
    struct weight_shape shape;
    if (!base_is_trained(b) ||
        !layer_weight(&b->match.network->layer[0], WEIGHT_GAMMA, 0, &shape))
        return 0;
    size_t size = sizeof(float) * (size_t)shape.dim[0];
    float *values = malloc(size);
    if (!values)
        return refuse(why, ENOMEM, "no memory to read the base");
    int err = safetensors_values(&b->file, base_find(&b->match, h, shape.name),
                                 values, why);
    uLong crc = crc32_z(crc32_z(0, NULL, 0), (const Bytef *)values, size);
    free(values);
    if (err)
        return err;
    text_printf(out, "base_file=%llu bytes (%08lx)\n",
                (unsigned long long)h->size, crc);
    return 0;
}

/* Change */

struct gift {
    const struct base *base;
    bool head;
};

static bool is_variance(const char *name)
{
    const char *end = strrchr(name, '.');
    return end && !strcmp(end, ".running_var");
}

static int values_check(const struct tensor *t, const char *name,
                        struct reason *why)
{
    size_t count = tensor_count(t);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(t->data[i]))
            return refuse(why, EINVAL,
                          "the base's '%s' has a value that is not finite",
                          name);
        else if (t->data[i] < 0 && is_variance(t->name))
            return refuse(why, EINVAL,
                          "the base's '%s' has a negative variance", name);
    return 0;
}

static int give(void *context, const struct tensor *t, struct reason *why)
{
    const struct gift *g = context;
    const struct base *b = g->base;
    const struct tensor_place *p =
        base_find(&b->match, &b->file.header, t->name);
    if (!p || (!g->head && network_is_head(b->match.network, t->name)))
        return 0;
    int err = safetensors_values(&b->file, p, t->data, why);
    if (err == 0)
        err = values_check(t, p->name, why);
    if (err == 0)
        err = base_pictures_fit(b, t, why);
    if (err == 0)
        err = base_norm_fit(b, t, why);
    return err ? err : 1;
}

int base_give(const struct base *b, struct net *net, bool head,
              struct reason *why)
{
    struct gift g = {b, head};
    return base_is_trained(b) ? net_fill(net, give, &g, why) : 0;
}
