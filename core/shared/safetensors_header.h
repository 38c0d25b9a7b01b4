/*
 * What a file in the safetensors format says of itself: 8 bytes of size, then
 * so many of JSON, which name the tensors, their types, shapes and places in
 * the bytes behind.
 * https://huggingface.co/docs/safetensors
 *
 * Headers of any origin may be given: every number in them is checked before it
 * is used, the places have to cover the data without gap or overlap. Nothing
 * here opens a file. Functions may be called from any thread, on objects of
 * their own. Sentences begin without a subject: "not a safetensors file: …".
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
    DTYPE_OTHER, /* whole numbers and what else there is */
};

/* A fact that travels with weights: in __metadata__ here, in metadata_props of
 * ONNX. Both strings are UTF-8, owned by who made them. */
struct metadata {
    const char *key, *value;
};

struct tensor_place {
    char *name;
    enum dtype type;
    unsigned bytes; /* of an element */
    int rank;
    int64_t dim[4];      /* the first four, 1 where there are less */
    uint64_t begin, end; /* from the beginning of the data */
};

struct safetensors_header {
    struct tensor_place *place; /* in the order of their bytes */
    int count;
    struct metadata *metadata;
    int metadata_count;
    uint64_t data; /* where the data begin in the file */
    uint64_t size; /* of the whole file */
};

/* Life cycle */

#define SAFETENSORS_HEADER_INIT                                                \
    {                                                                          \
        0                                                                      \
    }

/* Take `size` bytes of JSON. EINVAL with what is wrong; ENOMEM. */
int safetensors_header_parse(struct safetensors_header *out, const char *text,
                             size_t size, struct reason *why);
void safetensors_header_release(struct safetensors_header *h);

/* Read */

/* Bytes of JSON, from the first 8 bytes of a file; EINVAL when these can't be
 * of a safetensors file, with what they may be of instead. */
int safetensors_header_size(const void *start, size_t *out, struct reason *why);
/* The place of that name, or NULL. */
const struct tensor_place *
safetensors_header_find(const struct safetensors_header *h, const char *name);
/* The value, or NULL. */
const char *metadata_find(const struct metadata *list, int count,
                          const char *key);
/* A JSON list of strings: one allocation behind each and one behind *out.
 * NULL is no list. EINVAL, without a sentence, when it is none. */
int strings_parse(const char *json, char ***out, int *count);
void strings_free(char **strings, int count);

#endif
