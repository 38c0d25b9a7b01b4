/*
 * Which network a file of weights is for, by its header: one of networks[],
 * under any of the names that network.h knows its weights by, with or without
 * the prefixes that wrappers put in front of all names ("module.", "model.",
 * "backbone." and so on, in any order).
 *
 * Every weight but those of the head must be there, in F32, F16, BF16 or F64. A
 * file without tensors whose metadata name an architecture stands for that
 * network from scratch. Pure functions; any thread.
 */
#ifndef PRIMO_BASE_MATCH_H
#define PRIMO_BASE_MATCH_H

#include "core/basic/text.h"
#include "core/shared/network.h"
#include "core/shared/safetensors_header.h"

struct base_match {
    const struct network *network;
    const struct naming *naming; /* NULL = from scratch */
    char prefix[64];      /* what stands before all names, "" = nothing */
    long long parameters; /* in the tensors that are taken */
    int taken;   /* tensors: one for each weight but those of the head */
    int unused;  /* tensors that are neither taken nor the head's */
    int classes; /* that the head tells apart; 0 = there is no head that fits */
};

/* EINVAL names the first key that is missing, misshapen or of no layer. */
int base_match(struct base_match *out, const struct safetensors_header *h,
               struct reason *why);
/* The tensor of a weight, by torchvision's name; NULL for a weight of a head
 * that does not fit, and where the network is from scratch. */
const struct tensor_place *base_find(const struct base_match *m,
                                     const struct safetensors_header *h,
                                     const char *name);
/* Append "ResNet-50 by torchvision's names, …". */
void base_describe(const struct base_match *m, struct text *out);

#endif
