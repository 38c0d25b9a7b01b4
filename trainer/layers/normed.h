/*
 * What layers share whose result is normalised: their first kernels, and the
 * steps of the normalisation in training (norm.h).
 */
#ifndef PRIMO_NORMED_H
#define PRIMO_NORMED_H

#include "trainer/basic/random.h"
#include "trainer/net/plan_build.h"

/* A layer's `start`: as in torchvision, He's normal distribution by fan-out,
 * which for a depthwise kernel it takes to be that of all channels. */
void normed_start(const struct layer *l, enum weight_part part,
                  struct random *r, float *values, size_t count);
/* Add the step from x, what the kernel made of the row's input, to the row's
 * result, which is there already: normalisation, shortcut and activation. */
void normed_forward(struct builder *b, int row, void *x);
/* Go back through activation, shortcut and normalisation; returns the gradient
 * of x, which takes the place of x. */
struct dnn_tensor normed_backward(struct builder *b, int row);

/* The result of a normalised row that only the next row reads is cheap to make
 * again from x, so that it need not be kept for the way back. The reader calls
 * these with its input, whatever that is. */

/* Give the result's memory back, after the last step in a direction that reads
 * it. */
void normed_forget(struct builder *b, int row);
/* On the way back, add the step that makes the result again. */
void normed_remake(struct builder *b, int row);

#endif
