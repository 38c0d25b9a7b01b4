/*
 * The purposes for which random numbers are drawn, the last argument of
 * random_open(): two purposes never draw from the same sequence. The number of
 * a purpose must never change, or the same seed would give another model.
 *
 * X(NAME, number). What else selects a sequence, the arguments a and b:
 *   SPLIT     the choice of pictures that are held out; a = class
 *   ORDER     the order of the training pictures; a = epoch
 *   ROTATION  augmentation; a = epoch, b = index in dataset.train
 *   EXPOSURE  augmentation; a and b are those of ROTATION
 *   NOISE     augmentation; a and b are those of ROTATION
 *   WEIGHTS   the initial weights; a = weight, b = output
 */
#ifndef PRIMO_PURPOSES_H
#define PRIMO_PURPOSES_H

#define PURPOSES(X)                                                            \
    X(SPLIT, 0x5350)                                                           \
    X(ORDER, 0x5351)                                                           \
    X(ROTATION, 0x5352)                                                        \
    X(EXPOSURE, 0x5353)                                                        \
    X(NOISE, 0x5354)                                                           \
    X(WEIGHTS, 0x77656967)

enum random_purpose {
#define PURPOSE(NAME, number) PURPOSE_##NAME = number,
    PURPOSES(PURPOSE)
#undef PURPOSE
};

#endif
