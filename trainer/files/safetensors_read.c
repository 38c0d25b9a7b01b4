#include "trainer/files/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static float from_f64(const void *at)
{
    double d;
    memcpy(&d, at, sizeof d);
    return (float)d;
}

/* NULL = values of this type need no conversion, or are not read. */
static float (*const converts[])(const void *at) = {
    [DTYPE_F16] = from_f16,
    [DTYPE_BF16] = from_bf16,
    [DTYPE_F64] = from_f64,
    [DTYPE_OTHER] = NULL,
};

/* The file */

static int read_at(const struct safetensors_file *f, void *to, size_t size,
                   uint64_t offset, struct reason *why)
{
    char *at = to;
    while (size > 0) {
        ssize_t n = pread(f->fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(why, errno, "cannot read '%s'", f->path);
        if (n == 0)
            return refuse(why, EINVAL, "'%s' is cut short", f->path);
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* Opens the file, and checks that it is a regular one and not too large. */
static int file_open(struct safetensors_file *f, uint64_t *size,
                     struct reason *why)
{
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (f->fd < 0)
        return refuse_errno(why, errno, "cannot read '%s'", f->path);
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return refuse_errno(why, errno, "cannot read '%s'", f->path);
    if (!S_ISREG(st.st_mode))
        return refuse(why, EINVAL, "'%s' is not a regular file", f->path);
    *size = (uint64_t)st.st_size;
    if (*size > SAFETENSORS_FILE_MAX)
        return refuse(why, EFBIG, "'%s' has %llu bytes, at most %llu are read",
                      f->path, (unsigned long long)*size, SAFETENSORS_FILE_MAX);
    return 0;
}

static int header_take(struct safetensors_file *f, const char *text,
                       size_t size, uint64_t file_size, struct reason *why)
{
    int r = safetensors_header_parse(&f->header, text, size, why);
    if (r < 0)
        return reason_prefix(why, "'%s': ", f->path), r;
    if (f->header.size != file_size)
        return refuse(why, EINVAL,
                      "'%s' has %llu bytes, its header tells of %llu", f->path,
                      (unsigned long long)file_size,
                      (unsigned long long)f->header.size);
    return 0;
}

static int header_read(struct safetensors_file *f, uint64_t file_size,
                       struct reason *why)
{
    char start[SAFETENSORS_SIZE_BYTES];
    size_t size;
    if (file_size < sizeof start)
        return refuse(why, EINVAL,
                      "'%s' is not a safetensors file: only %llu bytes",
                      f->path, (unsigned long long)file_size);
    int r = read_at(f, start, sizeof start, 0, why);
    if (r < 0)
        return r;
    r = safetensors_header_size(start, &size, why);
    if (r < 0)
        return reason_prefix(why, "'%s': ", f->path), r;
    if (size > file_size - sizeof start)
        return refuse(why, EINVAL,
                      "'%s' is not a safetensors file: a header of %zu bytes",
                      f->path, size);
    char *text = malloc(size);
    if (!text)
        return refuse(why, ENOMEM, "no memory to read '%s'", f->path);
    r = read_at(f, text, size, sizeof start, why);
    if (r == 0)
        r = header_take(f, text, size, file_size, why);
    free(text);
    return r;
}

int safetensors_open(struct safetensors_file *out, const char *path,
                     struct reason *why)
{
    struct safetensors_file f = {.path = strdup(path), .fd = -1};
    uint64_t size = 0;
    int r = f.path ? file_open(&f, &size, why)
                   : refuse(why, ENOMEM, "no memory to read '%s'", path);
    if (r == 0)
        r = header_read(&f, size, why);
    if (r < 0)
        safetensors_close(&f);
    else
        *out = f;
    return r;
}

void safetensors_close(struct safetensors_file *f)
{
    if (f->path && f->fd >= 0)
        close(f->fd);
    free(f->path);
    safetensors_header_release(&f->header);
    *f = (struct safetensors_file)SAFETENSORS_FILE_INIT;
}

int safetensors_values(const struct safetensors_file *f,
                       const struct tensor_place *p, float *to,
                       struct reason *why)
{
    enum { PIECE = 1 << 16 };
    char piece[PIECE];
    float (*convert)(const void *at) = converts[p->type];
    if (p->type == DTYPE_F32)
        return read_at(f, to, p->end - p->begin, f->header.data + p->begin,
                       why);
    for (uint64_t at = p->begin; at < p->end;) {
        size_t size = p->end - at < PIECE ? (size_t)(p->end - at) : PIECE;
        int r = read_at(f, piece, size, f->header.data + at, why);
        if (r < 0)
            return r;
        for (size_t i = 0; i < size; i += p->bytes)
            *to++ = convert(piece + i);
        at += size;
    }
    return 0;
}

/* The contents */

static bool is_wanted(const struct tensor_place *p)
{
    return p->type != DTYPE_OTHER && p->rank <= 4 &&
           strlen(p->name) < sizeof((struct tensor *)0)->name;
}

/* The metadata are moved from the header, not copied. */
int safetensors_heads(struct safetensors *out, struct safetensors_file *f,
                      struct reason *why)
{
    struct safetensors_header *h = &f->header;
    out->metadata = h->metadata;
    out->metadata_count = h->metadata_count;
    h->metadata = NULL;
    h->metadata_count = 0;
    out->tensors = calloc((size_t)h->count + 1, sizeof *out->tensors);
    if (!out->tensors)
        return refuse(why, ENOMEM, "no memory to read '%s'", f->path);
    for (int i = 0; i < h->count; i++) {
        const struct tensor_place *p = &h->place[i];
        struct tensor *t = &out->tensors[out->count];
        if (!is_wanted(p))
            continue;
        *t = (struct tensor){.rank = p->rank};
        strcpy(t->name, p->name);
        memcpy(t->dim, p->dim, sizeof t->dim);
        out->count++;
    }
    return 0;
}

static int tensor_read(struct tensor *t, const struct safetensors_file *f,
                       struct reason *why)
{
    size_t count = tensor_count(t);
    t->data = malloc(sizeof(float) * (count ? count : 1));
    if (!t->data)
        return refuse(why, ENOMEM, "no memory to read '%s'", f->path);
    return safetensors_values(f, safetensors_header_find(&f->header, t->name),
                              t->data, why);
}

static int contents_read(struct safetensors *out, struct safetensors_file *f,
                         struct reason *why)
{
    int r = safetensors_heads(out, f, why);
    for (int i = 0; r == 0 && i < out->count; i++)
        r = tensor_read(&out->tensors[i], f, why);
    return r;
}

int safetensors_read(struct safetensors *out, const char *path,
                     struct reason *why)
{
    struct safetensors_file f = SAFETENSORS_FILE_INIT;
    struct safetensors fresh = SAFETENSORS_INIT;
    int r = safetensors_open(&f, path, why);
    if (r == 0)
        r = contents_read(&fresh, &f, why);
    safetensors_close(&f);
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
    return metadata_find(s->metadata, s->metadata_count, key);
}

int safetensors_strings(const struct safetensors *s, const char *key,
                        char ***out, int *count, struct reason *why)
{
    int r = strings_parse(safetensors_find(s, key), out, count);
    if (r == -EINVAL)
        return refuse(why, EINVAL, "no list of strings '%s' in the metadata",
                      key);
    return r ? refuse(why, -r, "no memory for '%s'", key) : 0;
}
