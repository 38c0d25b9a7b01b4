/*
 * Whether what a trainer has left is a model. The trainer ran with the rights
 * of a user and may have left anything; who takes the model further must not
 * be the first to find out. The texts of a model besides labels.txt are
 * written from what was checked when it was read (process/follow.h).
 */
#ifndef PRIMO_ARTIFACT_CHECK_H
#define PRIMO_ARTIFACT_CHECK_H

#include "core/basic/reason.h"

/* Check the files in `dir`, which have been copied there, so that nobody
 * changes them any more: model.safetensors is a whole network with a head;
 * labels.txt has a line for each output of the head, in UTF-8 without control
 * characters; model.onnx is a graph of the operators and with the numbers of
 * our networks (graph_check.h). EINVAL names the file. Slow: all are read. */
int artifacts_check(int dir, struct reason *why);

#endif
