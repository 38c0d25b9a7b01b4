/*
 * What is done to each value at the end of a row of a network (network.h), by
 * name: the functions are trainer/loops/lanes.h's and oneDNN's.
 */
#ifndef PRIMO_ACTIVATION_H
#define PRIMO_ACTIVATION_H

enum activation {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_HARD_SIGMOID, /* x / 6 + 1/2, between 0 and 1 */
    ACTIVATION_HARD_SWISH,   /* x * hard sigmoid(x) */
};

#endif
