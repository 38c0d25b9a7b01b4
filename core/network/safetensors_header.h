/*
 * The header of a file in the safetensors format: 8 bytes with the size of the
 * JSON text that follows, which has the names, types and shapes of the tensors,
 * and their places in the data behind it.
 * https://huggingface.co/docs/safetensors
 *
 * Headers may come from anywhere: every number in them is checked before it is
 * used, and the tensors must cover the data without gap or overlap. Nothing
 * here opens a file. Any thread may call these functions, each on objects of
 * its own. Sentences have no subject: "not a safetensors file: …".
 */
#ifndef PRIMO_SAFETENSORS_HEADER_H
#define PRIMO_SAFETENSORS_HEADER_H

#include "core/basic/reason.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of JSON: a network of ours takes some 11 KiB, and parsing takes thirty
 * times as much memory as there is text. */
#define SAFETENSORS_HEADER_MAX (1u << 20)
#define SAFETENSORS_FILE_MAX   (1ull << 30)
enum { SAFETENSORS_SIZE_BYTES = 8 }; /* in front of the JSON */

enum dtype {
    DTYPE_F32,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_F64,
    DTYPE_OTHER, /* integers and everything else */
};

/* A fact that is stored with weights: here in __metadata__, in ONNX in
 * metadata_props. Both strings are UTF-8, owned by whoever made them. */
struct metadata {
    const char *key, *value;
};

struct tensor_place {
    char *name;
    enum dtype type;
    unsigned bytes; /* bytes of an element */
    int rank;
    int64_t dim[4];      /* the first four dimensions; missing ones are 1 */
    uint64_t begin, end; /* offsets from the beginning of the data */
};

struct safetensors_header {
    struct tensor_place *place; /* sorted by their offsets */
    int count;
    struct metadata *metadata;
    int metadata_count;
    uint64_t data; /* offset of the data in the file */
    uint64_t size; /* size of the whole file */
};

/* Life cycle */

#define SAFETENSORS_HEADER_INIT                                                \
    {                                                                          \
        0                                                                      \
    }

/* Parse `size` bytes of JSON. EINVAL with what is wrong; ENOMEM. */
int safetensors_header_parse(struct safetensors_header *out, const char *text,
                             size_t size, struct reason *why);
void safetensors_header_release(struct safetensors_header *h);

/* Read */

/* The size of the JSON text, from the first 8 bytes of a file. EINVAL: these do
 * not begin a safetensors file; the sentence says what the file may be instead.
 */
int safetensors_header_size(const void *start, size_t *out, struct reason *why);
/* The tensor of this name; NULL = there is none. */
const struct tensor_place *
safetensors_header_find(const struct safetensors_header *h, const char *name);
/* The value of a key; NULL = there is none. */
const char *metadata_find(const struct metadata *list, int count,
                          const char *key);
/* Parse a JSON list of strings; release *out with strings_free(). EINVAL,
 * without a sentence: it is no list of strings, or NULL. */
int strings_parse(const char *json, char ***out, int *count);
void strings_free(char **strings, int count);

#endif
