/*
 * The fitting of a base to pictures as they are normalised here, whatever it
 * was made for (core/network/base_input.h). A picture that the base expects is
 * ours, multiplied and shifted channel by channel. The first convolution is
 * linear: its kernels take the factors, and as its normalisation follows, the
 * mean that this subtracts takes the shifts. The results are the same but at
 * the borders, where a convolution pads with zeros, which stand for one grey
 * here and for another there.
 *
 * With this, models have one normalisation, wherever they come from.
 */
#ifndef PRIMO_BASE_PICTURES_H
#define PRIMO_BASE_PICTURES_H

#include "trainer/bases/base.h"

/* Change the values of a weight that the base gives, if it is one of those;
 * t->name is torchvision's. ENOMEM; errors of reading the file. */
int base_pictures_fit(const struct base *b, const struct tensor *t,
                      struct reason *why);

#endif
