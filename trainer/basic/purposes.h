/*
 * The purposes that random numbers are drawn for, the last argument of
 * random_open(): two purposes never draw from the same sequence. A number is
 * part of what a seed means and never changes.
 *
 * X(NAME, number), and what else keys a sequence, the arguments a and b:
 *   SPLIT     which pictures are held out; a = class
 *   ORDER     of the training pictures; a = epoch
 *   ROTATION  a = epoch, b = index in dataset.train
 *   EXPOSURE  as ROTATION
 *   NOISE     as ROTATION
 *   WEIGHTS   of a fresh network; a = weight, b = output
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
