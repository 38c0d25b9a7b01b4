/*
 * A model as an ONNX graph (opset 13) that ONNX Runtime, OpenCV's dnn and
 * others run: input `image`, float32 [N, 3, S, S], RGB, 0 to 255; output
 * `probabilities`, float32 [N, classes]. The image's normalisation and the
 * softmax are nodes of the graph. Class names (JSON list), image size and how
 * to resize are in metadata_props, beside ONNX's own Image.* keys.
 */
#ifndef PRIMO_ONNX_H
#define PRIMO_ONNX_H

#include "trainer/files/classifier.h"

/* Write the file aside, sync it and rename it. The same model gives the same
 * bytes. `metadata` goes into metadata_props. EINVAL where a tensor is missing
 * or has a wrong shape. */
int onnx_write(const char *path, const struct classifier *model,
               const struct metadata *metadata, int metadata_count,
               struct reason *why);

#endif
