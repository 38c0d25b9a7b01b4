#include "safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One entry of the header, checked. */
struct entry {
    const char *name; /* the parsed header's */
    const struct dtype *dtype;
    json_t *shape;
    uint64_t begin, end; /* in the data */
};

/* A file that is being read: what has to be released at the end. */
struct source {
    const char *path;
    int fd;
    uint64_t data;       /* offset of the first tensor's bytes */
    uint64_t size;       /* of the data */
    json_t *header;      /* NULL = not parsed yet */
    struct entry *entry; /* sorted by place */
    int entries;
};

/* Numbers as they are stored */

static float bits_float(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float from_f16(const void *at)
{
    uint16_t h;
    memcpy(&h, at, sizeof h);
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t exponent = h >> 10 & 0x1F, fraction = h & 0x3FF;
    if (exponent == 0x1F)
        return bits_float(sign | 0x7F800000 | fraction << 13);
    if (exponent == 0) { /* fraction * 2^-24, exactly */
        float f = (float)fraction * 0x1p-24f;
        return sign ? -f : f;
    }
    return bits_float(sign | (exponent + 112) << 23 | fraction << 13);
}

static float from_bf16(const void *at)
{
    uint16_t h;
    memcpy(&h, at, sizeof h);
    return bits_float((uint32_t)h << 16);
}

static float from_f32(const void *at)
{
    float f;
    memcpy(&f, at, sizeof f);
    return f;
}

static float from_f64(const void *at)
{
    double d;
    memcpy(&d, at, sizeof d);
    return (float)d;
}

static const struct dtype {
    const char *name;
    unsigned bytes;
    float (*convert)(const void *at); /* NULL = left out */
} dtypes[] = {
    {"F32", 4, from_f32}, {"F16", 2, from_f16}, {"BF16", 2, from_bf16},
    {"F64", 8, from_f64}, {"I64", 8, NULL},     {"I32", 4, NULL},
    {"I16", 2, NULL},     {"I8", 1, NULL},      {"U64", 8, NULL},
    {"U32", 4, NULL},     {"U16", 2, NULL},     {"U8", 1, NULL},
    {"BOOL", 1, NULL},    {"F8_E4M3", 1, NULL}, {"F8_E5M2", 1, NULL},
};

static const struct dtype *dtype_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof dtypes / sizeof *dtypes; i++)
        if (!strcmp(dtypes[i].name, name))
            return &dtypes[i];
    return NULL;
}

/* The file */

static int read_at(const struct source *s, void *to, size_t size,
                   uint64_t offset, struct reason *why)
{
    char *at = to;
    while (size > 0) {
        ssize_t n = pread(s->fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(why, errno, "cannot read '%s'", s->path);
        if (n == 0)
            return refuse(why, EINVAL, "'%s' is cut short", s->path);
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* Opens, checks the kind and the size. */
static int source_open(struct source *s, const char *path, uint64_t *size,
                       struct reason *why)
{
    *s = (struct source){.path = path};
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (s->fd < 0)
        return refuse_errno(why, errno, "cannot read '%s'", path);
    struct stat st;
    if (fstat(s->fd, &st) < 0)
        return refuse_errno(why, errno, "cannot read '%s'", path);
    if (!S_ISREG(st.st_mode))
        return refuse(why, EINVAL, "'%s' is not a regular file", path);
    *size = (uint64_t)st.st_size;
    if (*size > SAFETENSORS_FILE_MAX)
        return refuse(why, EFBIG, "'%s' has %llu bytes, at most %llu are read",
                      path, (unsigned long long)*size, SAFETENSORS_FILE_MAX);
    return 0;
}

static void source_release(struct source *s)
{
    if (s->fd >= 0)
        close(s->fd);
    json_decref(s->header);
    free(s->entry);
}

static int header_parse(struct source *s, const char *text, size_t size,
                        struct reason *why)
{
    json_error_t fault;
    if (text[0] != '{')
        return refuse(why, EINVAL,
                      "'%s' is not a safetensors file: no JSON header",
                      s->path);
    s->header = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
    if (!s->header)
        return refuse(why, EINVAL,
                      "'%s' is not a safetensors file: header at byte %d: %s",
                      s->path, fault.position, fault.text);
    return 0;
}

static int header_read(struct source *s, uint64_t file_size, struct reason *why)
{
    uint64_t size;
    if (file_size < sizeof size + 2)
        return refuse(why, EINVAL,
                      "'%s' is not a safetensors file: only %llu bytes",
                      s->path, (unsigned long long)file_size);
    int r = read_at(s, &size, sizeof size, 0, why);
    if (r < 0)
        return r;
    if (size < 2 || size > SAFETENSORS_HEADER_MAX ||
        size > file_size - sizeof size)
        return refuse(why, EINVAL,
                      "'%s' is not a safetensors file: a header of %llu bytes",
                      s->path, (unsigned long long)size);
    s->data = sizeof size + size;
    s->size = file_size - s->data;
    char *text = malloc(size);
    if (!text)
        return refuse(why, ENOMEM, "no memory to read '%s'", s->path);
    r = read_at(s, text, size, sizeof size, why);
    if (r == 0)
        r = header_parse(s, text, size, why);
    free(text);
    return r;
}

/* The entries */

static bool whole_number(const json_t *v, uint64_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

/* Whether `shape` of this type takes up exactly `size` bytes. */
static bool shape_fits(json_t *shape, unsigned bytes, uint64_t size)
{
    uint64_t product = bytes;
    size_t i;
    json_t *v;
    json_array_foreach(shape, i, v)
    {
        uint64_t dim;
        if (!whole_number(v, &dim) ||
            __builtin_mul_overflow(product, dim, &product))
            return false;
    }
    return product == size;
}

static int entry_read(const struct source *s, struct entry *e, const char *name,
                      json_t *v, struct reason *why)
{
    json_t *place = json_object_get(v, "data_offsets");
    *e = (struct entry){
        .name = name,
        .dtype = dtype_find(json_string_value(json_object_get(v, "dtype"))),
        .shape = json_object_get(v, "shape"),
    };
    if (!e->dtype || !json_is_array(e->shape))
        return refuse(why, EINVAL, "'%s': tensor '%s' has no known type",
                      s->path, name);
    if (json_array_size(place) != 2 ||
        !whole_number(json_array_get(place, 0), &e->begin) ||
        !whole_number(json_array_get(place, 1), &e->end) || e->begin > e->end ||
        e->end > s->size)
        return refuse(why, EINVAL, "'%s': tensor '%s' lies outside of the file",
                      s->path, name);
    if (!shape_fits(e->shape, e->dtype->bytes, e->end - e->begin))
        return refuse(why, EINVAL,
                      "'%s': tensor '%s' has another size than its shape says",
                      s->path, name);
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The tensors have to cover the data without gap or overlap. */
static int places_check(const struct source *s, struct reason *why)
{
    uint64_t end = 0;
    for (int i = 0; i < s->entries; i++) {
        if (s->entry[i].begin != end)
            return refuse(why, EINVAL,
                          "'%s': a gap or an overlap before tensor '%s'",
                          s->path, s->entry[i].name);
        end = s->entry[i].end;
    }
    if (end != s->size)
        return refuse(why, EINVAL, "'%s': %llu bytes belong to no tensor",
                      s->path, (unsigned long long)(s->size - end));
    return 0;
}

static int entries_read(struct source *s, struct reason *why)
{
    s->entry = calloc(json_object_size(s->header) + 1, sizeof *s->entry);
    if (!s->entry)
        return refuse(why, ENOMEM, "no memory to read '%s'", s->path);
    const char *name;
    json_t *v;
    json_object_foreach(s->header, name, v)
    {
        if (!strcmp(name, "__metadata__"))
            continue;
        int r = entry_read(s, &s->entry[s->entries], name, v, why);
        if (r < 0)
            return r;
        s->entries++;
    }
    qsort(s->entry, (size_t)s->entries, sizeof *s->entry, by_place);
    return places_check(s, why);
}

/* The contents */

static int metadata_read(struct safetensors *out, const struct source *s,
                         struct reason *why)
{
    json_t *all = json_object_get(s->header, "__metadata__");
    if (all && !json_is_object(all))
        return refuse(why, EINVAL, "'%s': __metadata__ is not an object",
                      s->path);
    out->metadata = calloc(json_object_size(all) + 1, sizeof *out->metadata);
    if (!out->metadata)
        return refuse(why, ENOMEM, "no memory to read '%s'", s->path);
    const char *key;
    json_t *v;
    json_object_foreach(all, key, v)
    {
        if (!json_is_string(v))
            return refuse(why, EINVAL, "'%s': metadata '%s' is not a string",
                          s->path, key);
        struct metadata *m = &out->metadata[out->metadata_count++];
        m->key = strdup(key);
        m->value = strdup(json_string_value(v));
        if (!m->key || !m->value)
            return refuse(why, ENOMEM, "no memory to read '%s'", s->path);
    }
    return 0;
}

static bool is_wanted(const struct entry *e)
{
    return e->dtype->convert && json_array_size(e->shape) <= 4 &&
           strlen(e->name) < sizeof((struct tensor *)0)->name;
}

static int values_read(const struct source *s, const struct entry *e,
                       struct tensor *t, struct reason *why)
{
    enum { PIECE = 1 << 16 };
    char piece[PIECE];
    unsigned bytes = e->dtype->bytes;
    float *to = t->data;
    for (uint64_t at = e->begin; at < e->end;) {
        size_t size = e->end - at < PIECE ? (size_t)(e->end - at) : PIECE;
        int r = read_at(s, piece, size, s->data + at, why);
        if (r < 0)
            return r;
        for (size_t i = 0; i < size; i += bytes)
            *to++ = e->dtype->convert(piece + i);
        at += size;
    }
    return 0;
}

static int tensor_read(struct safetensors *out, const struct source *s,
                       const struct entry *e, struct reason *why)
{
    struct tensor *t = &out->tensors[out->count];
    *t = (struct tensor){.rank = (int)json_array_size(e->shape)};
    memcpy(t->name, e->name, strlen(e->name) + 1);
    for (int i = 0; i < 4; i++)
        t->dim[i] = i < t->rank ? (int64_t)json_integer_value(
                                      json_array_get(e->shape, (size_t)i))
                                : 1;
    size_t count = (e->end - e->begin) / e->dtype->bytes;
    t->data = malloc(sizeof(float) * (count ? count : 1));
    if (!t->data)
        return refuse(why, ENOMEM, "no memory to read '%s'", s->path);
    out->count++;
    return values_read(s, e, t, why);
}

static int contents_read(struct safetensors *out, const struct source *s,
                         struct reason *why)
{
    int r = metadata_read(out, s, why);
    if (r < 0)
        return r;
    out->tensors = calloc((size_t)s->entries + 1, sizeof *out->tensors);
    if (!out->tensors)
        return refuse(why, ENOMEM, "no memory to read '%s'", s->path);
    for (int i = 0; r == 0 && i < s->entries; i++)
        if (is_wanted(&s->entry[i]))
            r = tensor_read(out, s, &s->entry[i], why);
    return r;
}

int safetensors_read(struct safetensors *out, const char *path,
                     struct reason *why)
{
    struct source s;
    uint64_t size = 0;
    struct safetensors fresh = SAFETENSORS_INIT;
    int r = source_open(&s, path, &size, why);
    if (r == 0)
        r = header_read(&s, size, why);
    if (r == 0)
        r = entries_read(&s, why);
    if (r == 0)
        r = contents_read(&fresh, &s, why);
    source_release(&s);
    if (r < 0)
        safetensors_release(&fresh);
    else
        *out = fresh;
    return r;
}

void safetensors_release(struct safetensors *s)
{
    for (int i = 0; i < s->count; i++)
        free(s->tensors[i].data);
    for (int i = 0; i < s->metadata_count; i++) {
        free((char *)s->metadata[i].key);
        free((char *)s->metadata[i].value);
    }
    free(s->tensors);
    free(s->metadata);
    *s = (struct safetensors)SAFETENSORS_INIT;
}

const char *safetensors_find(const struct safetensors *s, const char *key)
{
    for (int i = 0; i < s->metadata_count; i++)
        if (!strcmp(s->metadata[i].key, key))
            return s->metadata[i].value;
    return NULL;
}

static char **strings_copy(json_t *list)
{
    size_t i;
    json_t *v;
    char **out = calloc(json_array_size(list) + 1, sizeof *out);
    json_array_foreach(list, i, v)
    {
        if (out && !(out[i] = strdup(json_string_value(v)))) {
            while (i > 0)
                free(out[--i]);
            free(out);
            return NULL;
        }
    }
    return out;
}

static bool all_strings(json_t *list)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) if (!json_is_string(v)) return false;
    return json_is_array(list);
}

int safetensors_strings(const struct safetensors *s, const char *key,
                        char ***out, int *count, struct reason *why)
{
    const char *value = safetensors_find(s, key);
    json_t *list = value ? json_loads(value, 0, NULL) : NULL;
    if (!all_strings(list)) {
        json_decref(list);
        return refuse(why, EINVAL, "no list of strings '%s' in the metadata",
                      key);
    }
    *count = (int)json_array_size(list);
    *out = strings_copy(list);
    json_decref(list);
    return *out ? 0 : refuse(why, ENOMEM, "no memory for '%s'", key);
}
