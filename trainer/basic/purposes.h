/*
 * The purposes of random numbers over the data, so that no two of them draw
 * from the same stream (the last argument of random_open()).
 */
#ifndef PRIMO_STREAMS_H
#define PRIMO_STREAMS_H

enum {
    STREAM_SPLIT = 0x5350, /* a = class */
    STREAM_ORDER,          /* a = epoch */
    STREAM_ROTATION,       /* a = epoch, b = index in dataset.train */
    STREAM_EXPOSURE,       /* the same */
    STREAM_NOISE,          /* the same */
};

#endif
