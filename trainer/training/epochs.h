/*
 * A training while it runs, epoch by epoch: its updates, its evaluations, and
 * its checkpoints. train.c prepares and closes it. The main thread uses it; the
 * thread that handles a stop reads the fields that a checkpoint holds, with the
 * state locked (control.h).
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

/* How long updates take with other nodes (together.h): seconds, of those that
 * are timed. */
struct together_times {
    int updates;  /* since this process began; the first are not timed */
    double alone; /* for the gradients of a whole batch without the others */
    double update, gradients, waited; /* sums */
    bool slower;                      /* than one, as rank 0 has found */
};

/* Gradients that are computed, and not yet given to be summed. */
struct together_computed {
    size_t first, last;
};

struct training {
    struct rundir *run;
    const struct options *options;
    struct material material;
    struct recipe recipe;
    const struct network *network;
    struct text identity;
    float *scores;        /* [test pictures, classes] */
    int *answers;         /* [test pictures] */
    float *truths;        /* [test pictures]: choice.h */
    float *class_weights; /* [classes] */

    /* What a checkpoint holds: changed only with the state locked. */
    struct net *net;
    struct position at;
    struct tensor_list best;   /* the weights to publish, empty = none yet */
    struct tensor_list record; /* truths [test pictures] of the evaluation on
                                  record, empty = there is none */
    struct position saved;     /* the position of the checkpoint on disk */

    struct together_times times;
    struct norm_join join;        /* how nodes normalise together: together.h */
    struct net_listener listener; /* sums while gradients are computed */
    struct together_computed computed;
    struct pace pace;
    double report_due;  /* monotonic: not before is an evaluation reported */
    double temperature; /* of the model, once it is reported */
    struct team_wait team_wait;
    bool part, parted; /* from the others: now; done, and not by rank 0 */
    uint64_t wish;     /* updates that time_limit leaves; 0 = not known */
    uint64_t most;     /* updates, however much time time_limit leaves */
    double began;      /* when this process began, in monotonic seconds */
    double seconds;    /* how long the training had taken before that */
    double saved_time; /* monotonic seconds of the last try to save */
};

/* Build the network with the base's weights, or else with random ones, and
 * adapt the base where it gets a new head. */
int training_net(struct training *t, struct reason *why);
/* Set how its layers learn, once the recipe is known. */
int training_rates(struct training *t, struct reason *why);
/* Write a checkpoint, unless there is one of this position. The caller has
 * locked the state. A full disk must not end a training: the failure is logged,
 * and the checkpoint before remains valid. */
void training_save(struct training *t);
/* Set what the heartbeat reports. */
void training_tell(struct training *t);
/* Report a row of metrics; NAN: there was no evaluation. The caller has locked
 * the state: a stop must not write a checkpoint between the change of the state
 * and the row that reports it. */
void training_tell_row(struct training *t, double precision, double right);
/* Train from t->at to the end; afterwards t->best has the weights to export. */
int training_epochs(struct training *t, struct reason *why);

#endif
