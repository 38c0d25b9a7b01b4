/*
 * The adaptation of a trained base to a data set, before its weights are
 * trained: the statistics of normalisation are blended with those of the data
 * set's pictures, and a new head is fitted to the features that come out. The
 * blend and the strength of the head's ridge are chosen by cross-validation
 * over training pictures, so that a base whose pictures were scaled in another
 * way, or looked otherwise, serves as well as it can.
 *
 * It depends on nothing but the base, the pictures and the seed.
 */
#ifndef PRIMO_ADAPT_H
#define PRIMO_ADAPT_H

#include "trainer/data/loader.h"
#include "trainer/net/net.h"

/* What a base is worth to a data set. The values stand in checkpoints. */
enum acquaintance {
    /* It knows such pictures, and more learning would destroy that. Of too few
     * pictures to tell it is taken to. */
    BASE_KNOWS = 0,
    /* It has something to begin from, but has to learn like a fresh network. */
    BASE_STRANGE = 1,
    /* It can hardly tell anything: a fresh network learns better. */
    BASE_USELESS = 2,
};

struct adaptation {
    double share;  /* of the data set's own statistics, 0 to 1 */
    double ridge;  /* of the head: head_fit.h */
    double loss;   /* cross-validated, in nats; NAN = too few pictures */
    double square; /* the mean square of a picture's features, summed */
    enum acquaintance acquaintance;
    int pictures; /* the head was fitted to so many */
};

struct adapt_options {
    int classes;
    const float *class_weights; /* [classes]; see loss.h */
    float smoothing;            /* of the labels */
};

/* Adapt the net, which has the base's weights and a new head. ENOMEM; fails as
 * loader_train() does. */
int adapt(struct adaptation *a, struct net *net, struct loader *loader,
          const struct adapt_options *o, struct reason *why);

#endif
