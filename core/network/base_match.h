/*
 * Which network a file of weights is for. This is found out from the file's
 * header: it must be one of networks[], with its weights under any of the names
 * in network.h, with or without the prefixes that wrappers put in front of all
 * names ("module.", "model.", "backbone." and so on, in any order).
 *
 * Every weight except those of the head must be there, in F32, F16, BF16 or
 * F64. A file without tensors whose metadata name an architecture stands for
 * this network with random weights. Pure functions; any thread.
 */
#ifndef PRIMO_BASE_MATCH_H
#define PRIMO_BASE_MATCH_H

#include "core/basic/text.h"
#include "core/network/base_input.h"
#include "core/network/network.h"
#include "core/network/safetensors_header.h"

struct base_match {
    const struct network *network;
    const struct naming *naming; /* NULL = the file has no weights */
    char prefix[64];      /* stands before all names; "" = nothing does */
    long long parameters; /* values in the tensors that are taken */
    int taken;   /* tensors taken: all weights except those of the head */
    int unused;  /* tensors that are neither taken nor the head's */
    int classes; /* classes of the head; 0 = there is no head that fits */
    struct base_input input;
};

/* EINVAL: a key is missing, has the wrong shape, or belongs to no layer, or the
 * metadata say nonsense; the sentence names it. */
int base_match(struct base_match *out, const struct safetensors_header *h,
               struct reason *why);
/* The tensor of a weight, given torchvision's name; NULL for the weights of a
 * head that does not fit, and if the file has no weights. */
const struct tensor_place *base_find(const struct base_match *m,
                                     const struct safetensors_header *h,
                                     const char *name);
/* Append a description: "ResNet-50 by torchvision's names, …". */
void base_describe(const struct base_match *m, struct text *out);

#endif
