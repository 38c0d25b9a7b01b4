/*
 * The recipe: how many updates a training makes and at which learning rate.
 *
 * Learning rate: it rises linearly to its peak over the first twentieth of all
 * updates (at least one), stays there for seven tenths of the remaining
 * updates, and falls along half a cosine in the last three tenths. Update 0 is
 * not made at rate 0; the update after the last one would be.
 *
 * Class weights: where classes are uneven, a picture weighs by the inverse
 * fourth root of its class's share. A picture of a class that is a hundredth of
 * another weighs about three times as much.
 *
 * Initial scales: a block of the network adds two branches, and one of them
 * begins at zero, as the scale of the normalisation that is added last is 0. It
 * is the branch of convolutions where the shortcut is the identity, and the
 * shortcut where that is a convolution, which with its stride of 2 sees only a
 * quarter of the pixels. So the first updates of a ResNet-18 train
 * seven convolutions without shortcuts.
 *
 * Average: the weights that are evaluated are an exponential moving average
 * with a memory of a thirtieth of all updates. It is better than the weights
 * while the rate is high, and meets them at the end, where the rate is 0.
 *
 * Pure functions of their arguments.
 */
#ifndef PRIMO_RECIPE_H
#define PRIMO_RECIPE_H

#include <stdbool.h>
#include <stdint.h>

#define RECIPE_MOMENTUM 0.9f /* Nesterov's */
/* tests/bench/ablation redefines these, one by one, to measure what each does.
 */
#ifndef RECIPE_WEIGHT_DECAY
#define RECIPE_WEIGHT_DECAY 5e-4f
#endif
#ifndef RECIPE_SMOOTHING
#define RECIPE_SMOOTHING 0.1f /* how much labels are smoothed: loss.h */
#endif
#ifndef RECIPE_WARMUP
#define RECIPE_WARMUP 0.05 /* fraction of all updates */
#endif
#ifndef RECIPE_HOLD
#define RECIPE_HOLD 0.7 /* fraction of the updates after the warm-up */
#endif
#ifndef RECIPE_COSINE
#define RECIPE_COSINE 1 /* 0 = the rate stays at its peak */
#endif
#ifndef RECIPE_AVERAGE
#define RECIPE_AVERAGE 1 /* 0 = the weights themselves are evaluated */
#endif
#ifndef RECIPE_ADDEND
#define RECIPE_ADDEND 0.0f /* initial scale of the branch added last */
#endif
#ifndef RECIPE_BALANCE
#define RECIPE_BALANCE 0.25 /* exponent of a class's inverse share */
#endif

/* The most that the rate of a head may be, times the mean square of the
 * features: the curvature of its loss is at most half of that square, and
 * Nesterov's descent with this momentum is stable up to 1.36 / curvature. */
#define RECIPE_HEAD_STEP 1.0

struct recipe {
    double peak;         /* learning rate */
    uint64_t steps;      /* updates in a complete epoch, 1.. */
    uint64_t iterations; /* updates in the training, 1.. */
    uint64_t warmup;     /* updates while the rate rises, 1.. */
    uint64_t rhythm;     /* an evaluation follows each epoch of so many, 1.. */
};

/* Life cycle */

/* If `iterations` is 0, there are as many as `epochs` have; otherwise `epochs`
 * is not used. */
void recipe_init(struct recipe *r, double peak, uint64_t steps, uint64_t epochs,
                 uint64_t iterations);

/* Change the number of updates, also while they are made: the rate follows. */
void recipe_set_iterations(struct recipe *r, uint64_t iterations);
/* Set the rhythm of evaluations so that, with so many training and test
 * pictures, they take at most about a tenth of the time. */
void recipe_set_rhythm(struct recipe *r, int train, int test);

/* Read */

/* Whether an evaluation follows when `epoch` epochs (1..) are complete. */
bool recipe_evaluates(const struct recipe *r, uint64_t epoch);
/* The rate of update `iteration` (from 0). */
double recipe_rate(const struct recipe *r, uint64_t iteration);
/* The share of the weights in their average after update `iteration`, 0 to 1; 0
 * = the average stays as it is. */
double recipe_average(const struct recipe *r, uint64_t iteration);
/* The number of epochs, of which the last one may be cut short. */
uint64_t recipe_epochs(const struct recipe *r);
/* Updates in `epoch` (from 0); 0 past the end. */
uint64_t recipe_epoch_steps(const struct recipe *r, uint64_t epoch);
/* Evaluations that are left when `epoch` epochs are complete. */
uint64_t recipe_evaluations_left(const struct recipe *r, uint64_t epoch);

/* The weights of the classes in the loss, given how many training pictures
 * (1..) each has. Their mean over the pictures is 1, so that the loss, and with
 * it the learning rate, keeps its scale. */
void recipe_class_weights(const int *pictures, int classes, float *weights);

#endif
