/*
 * How training pictures are varied. What is done to a picture depends only on
 * (seed, epoch, index); nothing is kept, any thread may call.
 *
 *   rotation  by 0, 90, 180 or 270 degrees and up to 10 degrees more, either
 *             way, bilinear; the border goes on outside
 *   exposure  contrast and brightness, each by a factor of 0.7 to 1.3
 *   noise     additive Gaussian, of a deviation up to 12 of 255
 */
#ifndef PRIMO_AUGMENT_H
#define PRIMO_AUGMENT_H

#include <stdint.h>

enum augment { AUGMENT_ROTATION = 1, AUGMENT_EXPOSURE = 2, AUGMENT_NOISE = 4 };

/* rgb u8 [side, side, 3] to image f32 [3, side, side], 0 to 255. `set` of enum
 * augment; 0 changes nothing, and the rest is then not looked at. side >= 2;
 * `index` is the picture's place in dataset.train. */
void augment_picture(const uint8_t *rgb, int side, unsigned set, uint64_t seed,
                     int epoch, int index, float *image);

#endif
