/*
 * Weights in the safetensors format: 8 bytes of header size, a JSON header,
 * the tensors' bytes (little-endian, as everything here assumes of the host).
 * https://huggingface.co/docs/safetensors
 *
 * Reading takes files of any origin: every number in the header is checked
 * before it is used, the file is read, not mapped, so that one that shrinks
 * meanwhile is an error and not a signal. F32 is taken as it is, F16, BF16 and
 * F64 are converted; tensors of other types (counters), of more than 4
 * dimensions or with names that don't fit struct tensor are checked and left
 * out. Functions may be called from any thread, on objects of their own.
 */
#ifndef PRIMO_SAFETENSORS_H
#define PRIMO_SAFETENSORS_H

#include "metadata.h"
#include "reason.h"
#include "tensor.h"

#define SAFETENSORS_HEADER_MAX (16u << 20) /* bytes of JSON */
#define SAFETENSORS_FILE_MAX   (1ull << 30)

struct safetensors {
    struct tensor *tensors; /* in the order of their bytes in the file */
    int count;
    struct metadata *metadata;
    int metadata_count;
};

/* Life cycle */

#define SAFETENSORS_INIT                                                       \
    {                                                                          \
        0                                                                      \
    }

/* Read a regular file. ENOENT, EACCES, …; EINVAL when it is no safetensors
 * file, and what is wrong with it; EFBIG past the bounds above; ENOMEM. */
int safetensors_read(struct safetensors *out, const char *path,
                     struct reason *why);
void safetensors_release(struct safetensors *s);

/* Read */

/* The value, or NULL. */
const char *safetensors_find(const struct safetensors *s, const char *key);
/* The value as a JSON list of strings, one allocation behind each and one
 * behind *out. EINVAL when it is not there or is no such list. */
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
