/*
 * pack: makes a base model of a trained one.
 *
 *   pack MODEL.safetensors OUT.safetensors [KEY=VALUE…]
 *
 * leaves out the head, rounds kernels to bf16, which halves the file and which
 * training on does not notice, and keeps what normalises in f32. The metadata
 * are those of the model that still hold, those that are given, and a checksum
 * of the values.
 */
#include "core/basic/json.h"
#include "trainer/files/safetensors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char *const kept_keys[] = {"format", "architecture", "image_size",
                                        "color", "resize"};

static bool is_head(const struct tensor *t)
{
    return !strncmp(t->name, "fc.", 3);
}

static bool is_kernel(const struct tensor *t)
{
    return t->rank > 1;
}

static size_t packed_size(const struct tensor *t)
{
    return tensor_count(t) * (is_kernel(t) ? 2 : 4);
}

/* To the nearest, ties to even; the values are finite. */
static uint16_t to_bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static void put_pair(struct text *out, const char *key, const char *value)
{
    text_puts(out, text_string(out)[out->size - 1] == '{' ? "" : ",");
    json_put_string(out, key);
    text_puts(out, ":");
    json_put_string(out, value);
}

static void put_metadata(struct text *out, const struct safetensors *s,
                         const struct text *values, char **words, int count)
{
    char sum[16];
    snprintf(sum, sizeof sum, "%08lx",
             crc32_z(0, (const Bytef *)values->data, values->size));
    text_puts(out, "{\"__metadata__\":{");
    for (size_t i = 0; i < sizeof kept_keys / sizeof *kept_keys; i++) {
        const char *value = safetensors_find(s, kept_keys[i]);
        if (value)
            put_pair(out, kept_keys[i], value);
    }
    for (int i = 0; i < count; i++) {
        char *value = strchr(words[i], '=');
        *value = 0;
        put_pair(out, words[i], value + 1);
    }
    put_pair(out, "values_crc32", sum);
    text_puts(out, "}");
}

static void put_tensor(struct text *out, const struct tensor *t,
                       uint64_t *offset)
{
    uint64_t size = packed_size(t);
    text_puts(out, ",");
    json_put_string(out, t->name);
    text_printf(out, ":{\"dtype\":\"%s\",\"shape\":[",
                is_kernel(t) ? "BF16" : "F32");
    for (int i = 0; i < t->rank; i++)
        text_printf(out, "%s%" PRId64, i ? "," : "", t->dim[i]);
    text_printf(out, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", *offset,
                *offset + size);
    *offset += size;
}

static void put_values(struct text *out, const struct tensor *t)
{
    size_t count = tensor_count(t);
    if (!is_kernel(t)) {
        text_add(out, (const char *)t->data, packed_size(t));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t v = to_bf16(t->data[i]);
        text_add(out, (const char *)&v, sizeof v);
    }
}

/* What normalises comes first, so that all values are aligned. */
static void put_all(const struct safetensors *s, bool kernels,
                    struct text *header, uint64_t *offset, struct text *values)
{
    for (int i = 0; i < s->count; i++) {
        const struct tensor *t = &s->tensors[i];
        if (is_head(t) || is_kernel(t) != kernels)
            continue;
        put_tensor(header, t, offset);
        put_values(values, t);
    }
}

static bool file_write(const char *path, const struct text *header,
                       const struct text *values)
{
    FILE *f = fopen(path, "wbe");
    uint64_t size = header->size;
    bool good = f && fwrite(&size, sizeof size, 1, f) == 1 &&
                fwrite(header->data, 1, header->size, f) == header->size &&
                fwrite(values->data, 1, values->size, f) == values->size;
    if (f)
        good &= fclose(f) == 0;
    if (!good)
        perror(path);
    return good;
}

static bool pack(const struct safetensors *s, const char *path, char **words,
                 int count)
{
    struct text header = TEXT_INIT, places = TEXT_INIT, values = TEXT_INIT;
    uint64_t offset = 0;
    put_all(s, false, &places, &offset, &values);
    put_all(s, true, &places, &offset, &values);
    put_metadata(&header, s, &values, words, count);
    text_printf(&header, "%s}", text_string(&places));
    while (header.size % 8)
        text_puts(&header, " ");
    bool good = file_write(path, &header, &values);
    text_release(&header);
    text_release(&places);
    text_release(&values);
    return good;
}

int main(int argc, char **argv)
{
    struct reason why = REASON_INIT;
    struct safetensors s = SAFETENSORS_INIT;
    bool good = argc >= 3;
    for (int i = 3; i < argc; i++)
        good &= strchr(argv[i], '=') != NULL;
    if (!good) {
        fputs("usage: pack MODEL.safetensors OUT.safetensors [KEY=VALUE...]\n",
              stderr);
        return 2;
    }
    if (safetensors_read(&s, argv[1], &why)) {
        fprintf(stderr, "pack: %s\n", why.sentence);
        return 1;
    }
    good = pack(&s, argv[2], argv + 3, argc - 3);
    safetensors_release(&s);
    return good ? 0 : 1;
}
