#include "core/network/safetensors_header.h"

#include "core/basic/language.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum dtype type;
    unsigned bytes;
} dtypes[] = {
    {"F32", DTYPE_F32, 4},       {"F16", DTYPE_F16, 2},
    {"BF16", DTYPE_BF16, 2},     {"F64", DTYPE_F64, 8},
    {"I64", DTYPE_OTHER, 8},     {"I32", DTYPE_OTHER, 4},
    {"I16", DTYPE_OTHER, 2},     {"I8", DTYPE_OTHER, 1},
    {"U64", DTYPE_OTHER, 8},     {"U32", DTYPE_OTHER, 4},
    {"U16", DTYPE_OTHER, 2},     {"U8", DTYPE_OTHER, 1},
    {"BOOL", DTYPE_OTHER, 1},    {"F8_E4M3", DTYPE_OTHER, 1},
    {"F8_E5M2", DTYPE_OTHER, 1},
};

static bool dtype_take(const char *name, struct tensor_place *p)
{
    for (size_t i = 0; name && i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(dtypes[i].name, name))
            continue;
        p->type = dtypes[i].type;
        p->bytes = dtypes[i].bytes;
        return true;
    }
    return false;
}

static int no_memory(struct reason *why)
{
    return refuse(why, ENOMEM, "no memory for a header");
}

/* The size */

/* Files that people take for safetensors files, by their first bytes. */
static const struct {
    const char *start;
    size_t size;
    const char *what;
} others[] = {
    {"PK\3\4", 4,
     N_("a PyTorch file (.pth, .pt, .bin) or another zip archive; "
        "safetensors.torch.save_file(state_dict, path) converts it")},
    {"\x80\2", 2,
     N_("a pickle, like old .pth files of PyTorch; "
        "safetensors.torch.save_file(state_dict, path) converts it")},
    {"\x89HDF", 4, N_("an HDF5 file")},
    {"version ", 8,
     N_("a pointer of Git LFS; git lfs pull fetches what it stands for")},
};

int safetensors_header_size(const void *start, size_t *out, struct reason *why)
{
    uint64_t size;
    memcpy(&size, start, sizeof size);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!memcmp(start, others[i].start, others[i].size))
            return refuse(why, EINVAL, "not a safetensors file but %s",
                          _(others[i].what));
    if (size < 2 || size > SAFETENSORS_HEADER_MAX)
        return refuse(why, EINVAL,
                      "not a safetensors file: a header of %llu bytes",
                      (unsigned long long)size);
    *out = size;
    return 0;
}

/* Tensors */

static bool whole_number(const json_t *v, uint64_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

/* Reads the dimensions. Returns whether they make up exactly `size` bytes. */
static bool shape_take(json_t *shape, struct tensor_place *p, uint64_t size)
{
    uint64_t product = p->bytes;
    size_t i;
    json_t *v;
    p->rank = (int)json_array_size(shape);
    for (i = 0; i < 4; i++)
        p->dim[i] = 1;
    json_array_foreach(shape, i, v)
    {
        uint64_t dim;
        if (!whole_number(v, &dim) ||
            __builtin_mul_overflow(product, dim, &product))
            return false;
        if (i < 4)
            p->dim[i] = (int64_t)dim;
    }
    return product == size;
}

static int place_take(struct tensor_place *p, const char *name, json_t *v,
                      struct reason *why)
{
    json_t *place = json_object_get(v, "data_offsets");
    json_t *shape = json_object_get(v, "shape");
    if (!dtype_take(json_string_value(json_object_get(v, "dtype")), p) ||
        !json_is_array(shape))
        return refuse(why, EINVAL, "tensor '%s' has no known type", name);
    if (json_array_size(place) != 2 ||
        !whole_number(json_array_get(place, 0), &p->begin) ||
        !whole_number(json_array_get(place, 1), &p->end) || p->begin > p->end ||
        p->end > SAFETENSORS_FILE_MAX)
        return refuse(why, EINVAL, "tensor '%s' lies outside the file", name);
    if (!shape_take(shape, p, p->end - p->begin))
        return refuse(why, EINVAL,
                      "the size of tensor '%s' does not match its shape", name);
    p->name = strdup(name);
    return p->name ? 0 : no_memory(why);
}

static int by_place(const void *a, const void *b)
{
    const struct tensor_place *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* They have to follow each other; the last one ends the file. */
static int places_check(struct safetensors_header *h, struct reason *why)
{
    uint64_t end = 0;
    for (int i = 0; i < h->count; i++) {
        if (h->place[i].begin != end)
            return refuse(why, EINVAL, "a gap or an overlap before tensor '%s'",
                          h->place[i].name);
        end = h->place[i].end;
    }
    h->size = h->data + end;
    return 0;
}

static int places_take(struct safetensors_header *h, json_t *json,
                       struct reason *why)
{
    h->place = calloc(json_object_size(json) + 1, sizeof *h->place);
    if (!h->place)
        return no_memory(why);
    const char *name;
    json_t *v;
    json_object_foreach(json, name, v)
    {
        if (!strcmp(name, "__metadata__"))
            continue;
        int r = place_take(&h->place[h->count], name, v, why);
        if (r < 0)
            return r;
        h->count++;
    }
    qsort(h->place, (size_t)h->count, sizeof *h->place, by_place);
    return places_check(h, why);
}

/* Metadata */

static int metadata_take(struct safetensors_header *h, json_t *json,
                         struct reason *why)
{
    json_t *all = json_object_get(json, "__metadata__");
    if (all && !json_is_object(all))
        return refuse(why, EINVAL, "__metadata__ is not an object");
    h->metadata = calloc(json_object_size(all) + 1, sizeof *h->metadata);
    if (!h->metadata)
        return no_memory(why);
    const char *key;
    json_t *v;
    json_object_foreach(all, key, v)
    {
        if (!json_is_string(v))
            return refuse(why, EINVAL, "metadata '%s' is not a string", key);
        struct metadata *m = &h->metadata[h->metadata_count++];
        m->key = strdup(key);
        m->value = strdup(json_string_value(v));
        if (!m->key || !m->value)
            return no_memory(why);
    }
    return 0;
}

/* Life cycle */

static int json_take(json_t **out, const char *text, size_t size,
                     struct reason *why)
{
    json_error_t fault;
    if (size < 2 || text[0] != '{')
        return refuse(why, EINVAL, "not a safetensors file: no JSON header");
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
    if (!*out)
        return refuse(why, EINVAL,
                      "not a safetensors file: header at byte %d: %s",
                      fault.position, fault.text);
    return 0;
}

int safetensors_header_parse(struct safetensors_header *out, const char *text,
                             size_t size, struct reason *why)
{
    struct safetensors_header h = {.data = SAFETENSORS_SIZE_BYTES + size};
    json_t *json = NULL;
    int r = json_take(&json, text, size, why);
    if (r == 0)
        r = places_take(&h, json, why);
    if (r == 0)
        r = metadata_take(&h, json, why);
    json_decref(json);
    if (r < 0)
        safetensors_header_release(&h);
    else
        *out = h;
    return r;
}

void safetensors_header_release(struct safetensors_header *h)
{
    for (int i = 0; h->place && h->place[i].name; i++)
        free(h->place[i].name);
    for (int i = 0; i < h->metadata_count; i++) {
        free((char *)h->metadata[i].key);
        free((char *)h->metadata[i].value);
    }
    free(h->place);
    free(h->metadata);
    *h = (struct safetensors_header)SAFETENSORS_HEADER_INIT;
}

/* Read */

const struct tensor_place *
safetensors_header_find(const struct safetensors_header *h, const char *name)
{
    for (int i = 0; i < h->count; i++)
        if (!strcmp(h->place[i].name, name))
            return &h->place[i];
    return NULL;
}

const char *metadata_find(const struct metadata *list, int count,
                          const char *key)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(list[i].key, key))
            return list[i].value;
    return NULL;
}

static bool all_strings(json_t *list)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) if (!json_is_string(v)) return false;
    return json_is_array(list);
}

void strings_free(char **strings, int count)
{
    for (int i = 0; i < count; i++)
        free(strings[i]);
    free(strings);
}

static char **strings_copy(json_t *list)
{
    size_t i;
    json_t *v;
    char **out = calloc(json_array_size(list) + 1, sizeof *out);
    json_array_foreach(list, i, v)
    {
        if (out && !(out[i] = strdup(json_string_value(v)))) {
            strings_free(out, (int)i);
            return NULL;
        }
    }
    return out;
}

int strings_parse(const char *json, char ***out, int *count)
{
    json_t *list = json ? json_loads(json, 0, NULL) : NULL;
    if (!all_strings(list)) {
        json_decref(list);
        return -EINVAL;
    }
    *count = (int)json_array_size(list);
    *out = strings_copy(list);
    json_decref(list);
    return *out ? 0 : -ENOMEM;
}
