/*
 * Which network a file of weights is, by its header: a ResNet-18, 34 or 50
 * under the names of torchvision and timm or of Hugging Face's
 * microsoft/resnet-*, with or without the prefixes that wrappers put in front
 * of all names ("module.", "model.", "backbone." and so on, in any order).
 *
 * Everything but the head must be there, in F32, F16, BF16 or F64. A file
 * without tensors whose metadata name an architecture stands for that network
 * from scratch. Pure functions; any thread.
 */
#ifndef PRIMO_BASE_MATCH_H
#define PRIMO_BASE_MATCH_H

#include "core/basic/text.h"
#include "core/shared/network.h"
#include "core/shared/safetensors_header.h"

struct base_match {
    const struct network *network;
    const char *names; /* whose names they are; NULL = from scratch */
    bool hugging_face;
    char prefix[64];
    long long parameters; /* of what is taken: all but the head */
    int taken, unused;    /* tensors */
    int classes;          /* of its head, 0 = it has none that fits */
};

/* EINVAL names the first key that is missing, misshapen or of no layer. */
int base_match(struct base_match *out, const struct safetensors_header *h,
               struct reason *why);
/* The tensor of a weight, by torchvision's name; of the head's NULL where it
 * does not fit. */
const struct tensor_place *base_find(const struct base_match *m,
                                     const struct safetensors_header *h,
                                     const char *name);
/* Append "ResNet-50 by torchvision's names, …". */
void base_describe(const struct base_match *m, struct text *out);

#endif
