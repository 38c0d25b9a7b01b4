/*
 * Augmentation: how training pictures are varied. What is done to a picture
 * depends only on (seed, epoch, index), so that a resumed training sees the
 * same pictures. No state is kept; any thread may call.
 *
 *   rotation  by up to 10 degrees in either direction, and of 16 pictures 3
 *             further by 90, 180 or 270 degrees; bilinear, with the border
 *             pixels repeated outside
 *   exposure  contrast and brightness, each by a factor of 0.7 to 1.3
 *   noise     additive Gaussian noise, of a deviation of up to 12 of 255
 */
#ifndef PRIMO_AUGMENT_H
#define PRIMO_AUGMENT_H

#include <stdint.h>

enum augment { AUGMENT_ROTATION = 1, AUGMENT_EXPOSURE = 2, AUGMENT_NOISE = 4 };

/* Turn rgb, u8 [side, side, 3], into image, f32 [3, side, side], 0 to 255.
 * `set` is a set of enum augment; if it is 0, the picture is only converted,
 * and seed, epoch and index do not matter. side >= 2; `index` is the picture's
 * place in dataset.train. */
void augment_picture(const uint8_t *rgb, int side, unsigned set, uint64_t seed,
                     int epoch, int index, float *image);

#endif
