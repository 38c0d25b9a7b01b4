/*
 * Whether model.onnx computes with the weights that were checked. The file
 * comes from a process of a user's, and whoever serves it trusts it: a graph
 * can have its weights in any file of the machine that serves, or be another
 * one than model.safetensors. Any thread.
 */
#ifndef PRIMO_GRAPH_CHECK_H
#define PRIMO_GRAPH_CHECK_H

#include "core/basic/reason.h"

#include <stdint.h>

/* The open file of `size` bytes is one message with a version and a graph; the
 * graph has no fields, operators and attributes but those that our networks
 * have; its constants are the numbers of `weights`, an open file in the
 * safetensors format that was checked (weights_file.h), each of them once, and
 * the mean and deviation of pictures. EINVAL. Slow: both are read. */
int graph_check(int fd, uint64_t size, int weights, struct reason *why);

#endif
