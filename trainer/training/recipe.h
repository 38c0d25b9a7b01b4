/*
 * The recipe: how many updates a training makes and at which learning rate.
 *
 * The rate rises in a straight line over the first twentieth of all updates
 * (at least one) to its peak, stays there for seven tenths of the others and
 * falls along half a cosine in the last three; update 0 is not at rate 0, and
 * the first update that is never made would be.
 * Where classes are uneven, a picture weighs by the inverse fourth root of its
 * class's share: one of a class with a hundredth of the pictures three times.
 * Of the two ways through a block of the network one begins at nothing: the
 * scale of the normalisation that is added last is 0. It is the convolutions'
 * where the shortcut is the input itself, and the shortcut's where that is a
 * convolution: its single pixels see a quarter of the picture. So the first
 * updates train a network of seven convolutions without shortcuts.
 * The weights that are evaluated are an average with an exponentially fading
 * memory of a thirtieth of all updates: it is better than the weights while the
 * rate is high, and the same at the end.
 * Pure functions of their arguments.
 */
#ifndef PRIMO_RECIPE_H
#define PRIMO_RECIPE_H

#include <stdbool.h>
#include <stdint.h>

#define RECIPE_MOMENTUM 0.9f /* Nesterov's */
/* What tests/bench/ablation leaves out, one by one. */
#ifndef RECIPE_WEIGHT_DECAY
#define RECIPE_WEIGHT_DECAY 5e-4f
#endif
#ifndef RECIPE_SMOOTHING
#define RECIPE_SMOOTHING 0.1f /* what the labels are smoothed by, loss.h */
#endif
#ifndef RECIPE_WARMUP
#define RECIPE_WARMUP 0.05 /* part of all updates */
#endif
#ifndef RECIPE_HOLD
#define RECIPE_HOLD 0.7 /* part of the updates after the warm-up */
#endif
#ifndef RECIPE_COSINE
#define RECIPE_COSINE 1 /* 0 = the rate stays at its peak */
#endif
#ifndef RECIPE_AVERAGE
#define RECIPE_AVERAGE 1 /* 0 = the weights as they are */
#endif
#ifndef RECIPE_ADDEND
#define RECIPE_ADDEND 0.0f /* the first scale of what a block adds last */
#endif
#ifndef RECIPE_BALANCE
#define RECIPE_BALANCE 0.25 /* power of a class's share that is made up for */
#endif

/* A trained base with a new head and fewer pictures a class than this begins
 * with updates of the head alone, at a falling rate of their own; after them,
 * the whole network is normalised by the base's statistics, as those of so few
 * pictures are another network's, which unlearns first. */
#define RECIPE_FEW       100
#define RECIPE_HEAD_PART 0.3 /* part of all updates */
#define RECIPE_HEAD_PEAK 0.05

struct recipe {
    double peak;         /* learning rate */
    uint64_t steps;      /* updates of a whole epoch, 1.. */
    uint64_t iterations; /* updates of the training, 1.. */
    uint64_t warmup;     /* updates of the rise, 1.. */
    uint64_t head;       /* the first updates, of the head alone; 0 = none */
};

/* Life cycle */

/* `iterations` = 0: as many as `epochs` make; otherwise epochs is not used. */
void recipe_init(struct recipe *r, double peak, uint64_t steps, uint64_t epochs,
                 uint64_t iterations);

/* Let the head alone learn at first. */
void recipe_head_first(struct recipe *r);

/* Read */

/* Whether update `iteration` (from 0) is of the head alone. */
bool recipe_head_only(const struct recipe *r, uint64_t iteration);
/* Whether updates leave the statistics of normalisation as they are. */
bool recipe_fixes_statistics(const struct recipe *r);
/* The rate of update `iteration` (from 0). */
double recipe_rate(const struct recipe *r, uint64_t iteration);
/* How much the average of the weights takes in of them after update
 * `iteration`, 0 to 1; 0 = it stays. */
double recipe_average(const struct recipe *r, uint64_t iteration);
/* Epochs that are begun: the last one may be cut short. */
uint64_t recipe_epochs(const struct recipe *r);
/* Updates in `epoch` (from 0); 0 behind the end. */
uint64_t recipe_epoch_steps(const struct recipe *r, uint64_t epoch);
/* Evaluations still to come when `epoch` epochs are complete. */
uint64_t recipe_epochs_left(const struct recipe *r, uint64_t epoch);

/* The classes' weights in the loss, from how many training pictures (1..) each
 * has; their mean over the pictures is 1. */
void recipe_class_weights(const int *pictures, int classes, float *weights);

#endif
