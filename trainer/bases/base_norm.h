/*
 * The fitting of a base to the epsilons of our networks. Some programs add
 * another epsilon to the variances of a normalisation than the network's rows
 * say. What it comes to with the base's own statistics is a factor for each
 * channel, which the scales take.
 *
 * With this, models have one epsilon, wherever they come from.
 */
#ifndef PRIMO_BASE_NORM_H
#define PRIMO_BASE_NORM_H

#include "trainer/bases/base.h"

/* Change the values of a weight that the base gives, if these are the scales of
 * a normalisation; t->name is torchvision's. ENOMEM; errors of reading the
 * file.
 */
int base_norm_fit(const struct base *b, const struct tensor *t,
                  struct reason *why);

#endif
