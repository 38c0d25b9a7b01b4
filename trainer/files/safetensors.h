/*
 * Weights in the safetensors format: a header (safetensors_header.h), then the
 * tensors' bytes (little-endian, as everything here assumes of the host).
 *
 * Reading takes files of any origin: the file is read, not mapped, so that one
 * that shrinks meanwhile is an error and not a signal. F32 is taken as it is,
 * F16, BF16 and F64 are converted; tensors of other types (counters), of more
 * than 4 dimensions or with names that don't fit struct tensor are checked and
 * left out. Functions may be called from any thread, on objects of their own.
 */
#ifndef PRIMO_SAFETENSORS_H
#define PRIMO_SAFETENSORS_H

#include "core/basic/reason.h"
#include "core/network/safetensors_header.h"
#include "trainer/basic/tensor.h"

struct safetensors {
    struct tensor *tensors; /* sorted by where their bytes are in the file */
    int count;
    struct metadata *metadata;
    int metadata_count;
};

/* Life cycle */

#define SAFETENSORS_INIT                                                       \
    {                                                                          \
        0                                                                      \
    }

/* A file whose tensors are read one by one. */
struct safetensors_file {
    char *path;
    int fd;
    struct safetensors_header header;
};

#define SAFETENSORS_FILE_INIT                                                  \
    {                                                                          \
        0                                                                      \
    }

/* Open a regular file and take its header. ENOENT, EACCES, …; EINVAL when it is
 * no safetensors file, and what is wrong with it; EFBIG past the bounds of the
 * header; ENOMEM. */
int safetensors_open(struct safetensors_file *out, const char *path,
                     struct reason *why);
void safetensors_close(struct safetensors_file *f);

/* Take the metadata of a file, and its tensors without their data. ENOMEM. */
int safetensors_heads(struct safetensors *out, struct safetensors_file *f,
                      struct reason *why);
/* Read all of a file; fails as safetensors_open(). */
int safetensors_read(struct safetensors *out, const char *path,
                     struct reason *why);
void safetensors_release(struct safetensors *s);

/* Read */

/* Read the values of a tensor, in their order. Its type must not be
 * DTYPE_OTHER. */
int safetensors_values(const struct safetensors_file *f,
                       const struct tensor_place *p, float *to,
                       struct reason *why);
/* The value of a key of the metadata, or NULL. */
const char *safetensors_find(const struct safetensors *s, const char *key);
/* Read a value of the metadata that is a JSON list of strings. The list and
 * each string are allocated, and the caller frees them. EINVAL where the key is
 * missing or has another value. */
int safetensors_strings(const struct safetensors *s, const char *key,
                        char ***out, int *count, struct reason *why);

/* Change */

/* Write the file at path aside, sync it and rename it. The same arguments
 * give the same bytes. For each tensor named X.running_var torchvision's
 * counter X.num_batches_tracked (I64, 0) is written too, which strict loading
 * asks for. Without metadata, pass NULL and 0. */
int safetensors_write(const char *path, const struct tensor *tensors, int count,
                      const struct metadata *metadata, int metadata_count,
                      struct reason *why);

#endif
