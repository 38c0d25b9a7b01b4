/*
 * A training while it runs, epoch by epoch: its updates, its evaluations, and
 * the checkpoints it goes on from. train.c makes it ready and closes it. Used
 * by the main thread; a stop reads what a checkpoint holds, with the state
 * locked (control.h).
 */
#ifndef PRIMO_EPOCHS_H
#define PRIMO_EPOCHS_H

#include "trainer/machine/team_wait.h"
#include "trainer/net/net.h"
#include "trainer/run/rundir.h"
#include "trainer/training/options.h"
#include "trainer/training/pace.h"
#include "trainer/training/prepare.h"
#include "trainer/training/recipe.h"

struct training {
    struct rundir *run;
    const struct options *options;
    struct material material;
    struct recipe recipe;
    const struct network *network;
    struct text identity;
    float *scores;        /* [test pictures, classes] */
    int *answers;         /* [test pictures] */
    float *class_weights; /* [classes] */

    /* what a checkpoint holds; changed with the state locked */
    struct net *net;
    struct position at;
    struct tensor_list best;
    struct position saved; /* what the checkpoint on disk was written at */

    struct pace pace;
    struct team_wait team_wait;
    double began;      /* when this process began, monotonic */
    double seconds;    /* what the training had taken before that */
    double saved_time; /* when a checkpoint was last tried, monotonic */
};

/* Build the network, with the base's weights, or fresh ones of the seed. */
int training_net(struct training *t, struct reason *why);
/* Write a checkpoint, unless this position has one; with the state locked. A
 * full disk must not end a training: it is logged, the one before stands. */
void training_save(struct training *t);
/* What the heartbeat says. */
void training_tell(struct training *t);
/* Train from t->at to the end; afterwards t->best are the weights to keep. */
int training_epochs(struct training *t, struct reason *why);

#endif
