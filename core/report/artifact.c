#include "core/report/artifact.h"

#include "core/network/safetensors_header.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* model.onnx has the bound of model.safetensors, because it holds the same
 * weights, which are nearly all of its bytes. */
const struct artifact artifacts[ARTIFACTS] = {
    [ARTIFACT_CONFIG] = {"config", .limit = 4 << 20, .shown = true},
    [ARTIFACT_DATASET] = {"dataset", .limit = 4 << 20, .shown = true},
    [ARTIFACT_EVALUATION] = {"evaluation", .limit = 32 << 20, .shown = true,
                             .inner = true},
    [ARTIFACT_WEIGHTS] = {"model.safetensors", .limit = SAFETENSORS_FILE_MAX},
    [ARTIFACT_LABELS] = {"labels.txt", .limit = 16 << 20},
    [ARTIFACT_GRAPH] = {"model.onnx", .limit = SAFETENSORS_FILE_MAX},
};

enum artifact_no artifact_find(const char *name)
{
    int i = 0;
    while (i < ARTIFACTS && strcmp(artifacts[i].name, name))
        i++;
    return (enum artifact_no)i;
}

void artifact_print(struct text *out, const char *name, uint32_t crc)
{
    text_printf(out, "%s crc32=%08x", name, (unsigned)crc);
}

enum artifact_no artifact_parse(const char *payload, struct artifact_sum *sum)
{
    static const char word[] = " crc32=";
    char name[64];
    const char *at = strstr(payload, word);
    *sum = (struct artifact_sum){0};
    snprintf(name, sizeof name, "%.*s",
             at ? (int)(at - payload) : (int)strlen(payload), payload);
    if (at)
        *sum = (struct artifact_sum){
            true, (uint32_t)strtoul(at + sizeof word - 1, NULL, 16)};
    return artifact_find(name);
}

uint32_t artifact_crc(const void *data, size_t size)
{
    return (uint32_t)crc32_z(0, data, size);
}

int artifact_file_crc(int fd, uint32_t *crc)
{
    unsigned char piece[1 << 16];
    uLong sum = crc32_z(0, NULL, 0);
    off_t at = 0;
    ssize_t n;
    while ((n = pread(fd, piece, sizeof piece, at))) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        sum = crc32_z(sum, piece, (size_t)n);
        at += n;
    }
    *crc = (uint32_t)sum;
    return 0;
}

bool artifact_sum_fits(const struct artifact_sum *sum, uint32_t crc)
{
    return !sum->known || sum->crc == crc;
}
