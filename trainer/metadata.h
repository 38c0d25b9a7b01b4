/*
 * A fact that travels with exported weights: in safetensors' __metadata__ and
 * in ONNX's metadata_props. Both strings are UTF-8, owned by who made them.
 */
#ifndef PRIMO_METADATA_H
#define PRIMO_METADATA_H

struct metadata {
    const char *key, *value;
};

#endif
