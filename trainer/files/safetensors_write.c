#include "trainer/files/safetensors.h"

#include "core/basic/json.h"
#include "core/basic/text.h"
#include "core/system/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the format is little-endian");

static const char variance[] = ".running_var";
static const int64_t batches_tracked = 0;

/* The length of X in a name X.running_var; 0 = it is another name. */
static size_t norm_name(const char *name)
{
    size_t n = strlen(name), tail = sizeof variance - 1;
    return n > tail && !strcmp(name + n - tail, variance) ? n - tail : 0;
}

static void put_metadata(struct text *out, const struct metadata *metadata,
                         int count)
{
    text_puts(out, "\"__metadata__\":{");
    for (int i = 0; i < count; i++) {
        if (i)
            text_puts(out, ",");
        json_put_string(out, metadata[i].key);
        text_puts(out, ":");
        json_put_string(out, metadata[i].value);
    }
    text_puts(out, "}");
}

static void put_place(struct text *out, uint64_t *offset, uint64_t size)
{
    text_printf(out, "\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", *offset,
                *offset + size);
    *offset += size;
}

static void put_counter(struct text *out, const char *name, size_t size,
                        uint64_t *offset)
{
    text_printf(
        out, ",\"%.*s.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],",
        (int)size, name);
    put_place(out, offset, sizeof batches_tracked);
}

static void put_tensor(struct text *out, const struct tensor *t,
                       uint64_t *offset)
{
    text_puts(out, ",");
    json_put_string(out, t->name);
    text_puts(out, ":{\"dtype\":\"F32\",\"shape\":[");
    for (int i = 0; i < t->rank; i++)
        text_printf(out, "%s%" PRId64, i ? "," : "", t->dim[i]);
    text_puts(out, "],");
    put_place(out, offset, tensor_count(t) * sizeof *t->data);
}

/* The counters come first, as in the reference implementation, so that every
 * tensor is aligned to its own type; the header is padded for the same. */
static void put_header(struct text *out, const struct tensor *tensors,
                       int count, const struct metadata *metadata,
                       int metadata_count)
{
    uint64_t offset = 0;
    text_puts(out, "{");
    put_metadata(out, metadata, metadata_count);
    for (int i = 0; i < count; i++) {
        size_t size = norm_name(tensors[i].name);
        if (size)
            put_counter(out, tensors[i].name, size, &offset);
    }
    for (int i = 0; i < count; i++)
        put_tensor(out, &tensors[i], &offset);
    text_puts(out, "}");
    while (out->size % 8)
        text_puts(out, " ");
}

static int write_tensors(struct draft *d, const struct tensor *tensors,
                         int count, struct reason *why)
{
    int r = 0;
    for (int i = 0; r == 0 && i < count; i++)
        if (norm_name(tensors[i].name))
            r = draft_write(d, &batches_tracked, sizeof batches_tracked, why);
    for (int i = 0; r == 0 && i < count; i++)
        r = draft_write(d, tensors[i].data,
                        tensor_count(&tensors[i]) * sizeof(float), why);
    return r;
}

int safetensors_write(const char *path, const struct tensor *tensors, int count,
                      const struct metadata *metadata, int metadata_count,
                      struct reason *why)
{
    struct draft d;
    int r = draft_open(&d, AT_FDCWD, path, why);
    if (r < 0)
        return r;
    struct text header = TEXT_INIT;
    put_header(&header, tensors, count, metadata, metadata_count);
    uint64_t size = header.size;
    r = draft_write(&d, &size, sizeof size, why);
    if (r == 0)
        r = draft_write(&d, header.data, header.size, why);
    text_release(&header);
    if (r == 0)
        r = write_tensors(&d, tensors, count, why);
    if (r < 0) {
        draft_abandon(&d);
        return r;
    }
    return draft_commit(&d, why);
}
