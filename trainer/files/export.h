/*
 * A trained model as files that other programs read.
 */
#ifndef PRIMO_EXPORT_H
#define PRIMO_EXPORT_H

#include "core/report/artifact.h"
#include "trainer/files/classifier.h"

/* Write model.onnx, model.safetensors and labels.txt (a class a line, in the
 * order of the network's outputs) into an existing folder; each is written
 * aside, synced and renamed. Bytes of a class name that are no UTF-8 and
 * control characters become U+FFFD there. The same model gives the same bytes.
 * EINVAL when the tensors are not those of the network; ENOSPC, EACCES, … */
int export_model(const char *dir, const struct classifier *model,
                 struct reason *why);
/* Whether export_model() writes this artifact. */
bool export_writes(enum artifact_no no);

#endif
