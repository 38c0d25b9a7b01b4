/*
 * Small pictures of the worst mistakes, for mistakes.html.
 */
#ifndef PRIMO_THUMBNAILS_H
#define PRIMO_THUMBNAILS_H

#include "core/evaluation/evaluation.h"

struct thumbnails {
    struct text base64[THUMBNAILS_MOST]; /* the evaluation points into these */
};

/* Life cycle; those of an evaluation that is released before them. */
void thumbnails_release(struct thumbnails *t);

/* Add to the evaluation the thumbnails of its THUMBNAILS_MOST most certain
 * mistakes. file(context, picture, page) is the path of a picture, below the
 * folder `root`, a descriptor, and sets which page of it is meant. A picture
 * that cannot be read has none; after `seconds` those that are not made yet are
 * given up, as a dead network path must not hold a finished training. */
void thumbnails_make(struct thumbnails *t, struct evaluation *e, int root,
                     const char *(*file)(void *context, int picture, int *page),
                     void *context, double seconds);

#endif
