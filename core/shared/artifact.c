#include "core/shared/artifact.h"

#include "core/shared/safetensors_header.h"

#include <string.h>

/* A graph holds the same weights; they make nearly all of its bytes. */
const struct artifact artifacts[ARTIFACTS] = {
    [ARTIFACT_CONFIG] = {"config", .limit = 4 << 20, .shown = true},
    [ARTIFACT_DATASET] = {"dataset", .limit = 4 << 20, .shown = true},
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
