/*
 * How the pictures were normalised that a base has learnt from. A file may say
 * so in its metadata, as `mean` and `std`, three numbers each, or in timm's
 * `pretrained_cfg`, a JSON object with these two; of pictures from 0 to 1, or
 * where a mean is above 2, from 0 to 255. Otherwise it is taken to be
 * ImageNet's, as torchvision's models have it. Pure functions; any thread.
 */
#ifndef PRIMO_BASE_INPUT_H
#define PRIMO_BASE_INPUT_H

#include "core/basic/text.h"
#include "core/network/safetensors_header.h"

#include <stdbool.h>

struct base_input {
    bool said;           /* by the file */
    double mean[3];      /* of red, green and blue values from 0 to 255 */
    double deviation[3]; /* above 0 */
};

/* EINVAL: the metadata name a mean or a deviation that cannot be one. */
int base_input_read(struct base_input *out, const struct safetensors_header *h,
                    struct reason *why);
/* Append what the file says, "mean 127.5 …"; nothing if it says nothing. */
void base_input_describe(const struct base_input *b, struct text *out);

#endif
