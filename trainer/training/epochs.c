#include "trainer/training/epochs.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/system/file.h"
#include "trainer/data/decoded.h"
#include "trainer/training/evaluation.h"
#include "trainer/training/report.h"
#include "trainer/training/together.h"
#include "trainer/transfer/adapt.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROW_SECONDS = 30,              /* between metrics rows within an epoch */
    CHECKPOINT_SECONDS = 60,       /* between checkpoints within an epoch */
    CHECKPOINT_LEAST_SECONDS = 15, /* between checkpoints at ends of epochs */
    RETRIES_MAX = 1,
    RETRIES_ADAPTED = 3, /* there is always something to return to */
    /* A network with this mean cross-entropy will not recover, even if no value
     * overflows: one that has learnt nothing yet has log(classes), which is 4.6
     * for a hundred classes. */
    LOSS_LOST = 1000,
};

/* A base with a new head is adapted to the data set first, which may show that
 * it is better left aside. */
static bool training_adapts(const struct training *t)
{
    return base_is_trained(&t->material.base) && !t->material.head_kept &&
           t->at.strange != BASE_USELESS;
}

static void adaptation_tell(const struct training *t,
                            const struct adaptation *a)
{
    struct text judged = TEXT_INIT;
    if (!isnan(a->loss))
        text_printf(&judged, _(", cross-validated loss %.3f"), a->loss);
    writer_log(t->run->writer,
               "the base is adapted to the dataset: a new head is fitted to "
               "%d pictures, and %.0f %% of the statistics of normalisation "
               "are the dataset's own%s",
               a->pictures, 100 * a->share, text_string(&judged));
    text_release(&judged);
}

static int base_adapt(struct training *t, struct reason *why)
{
    struct adaptation a;
    const struct adapt_options o = {t->material.dataset.classes,
                                    t->class_weights, RECIPE_SMOOTHING};
    int err = adapt(&a, t->net, t->material.loader, &o, why);
    if (err)
        return err;
    t->at.features_square = a.square;
    t->at.strange = a.acquaintance;
    nodes_share(t->run->nodes, &t->at, sizeof t->at);
    adaptation_tell(t, &a);
    return 0;
}

/* A base that knows such pictures keeps its statistics of normalisation: those
 * of small batches would make another network of it. Its head must not move
 * faster than the features' size allows. */
int training_rates(struct training *t, struct reason *why)
{
    int layers = t->network->layers;
    double square = t->at.features_square;
    if (!training_adapts(t))
        return 0;
    float *factors = malloc((size_t)layers * sizeof *factors);
    if (!factors)
        return refuse(why, ENOMEM, "no memory for the rates");
    for (int i = 0; i < layers; i++)
        factors[i] = 1;
    if (square * t->recipe.peak > RECIPE_HEAD_STEP)
        factors[layers - 1] =
            (float)(RECIPE_HEAD_STEP / square / t->recipe.peak);
    net_fix_statistics(t->net, t->at.strange == BASE_KNOWS);
    int err = net_set_rates(t->net, factors, why);
    free(factors);
    return err;
}

static int net_make(struct training *t, struct reason *why)
{
    const struct net_options options = {
        .network = t->network,
        .classes = t->material.dataset.classes,
        .image_size = t->options->image_size,
        .batch = t->options->batch,
        .bf16 = t->options->bf16,
        .training = true,
        .average = true,
        .join = &t->join,
        .listener = t->listener.computed ? &t->listener : NULL,
        .addend = RECIPE_ADDEND,
        .class_weights = t->class_weights,
    };
    return net_open(&t->net, &options, t->options->seed, why);
}

static int base_leave_aside(struct training *t, struct reason *why)
{
    writer_log(t->run->writer, "the base can hardly tell these pictures apart: "
                               "a fresh network learns in its place");
    net_free(t->net);
    t->net = NULL;
    return net_make(t, why);
}

/* Decides what the network begins with. */
static int net_begin(struct training *t, struct reason *why)
{
    int err = base_give(&t->material.base, t->net, t->material.head_kept, why);
    if (err || !training_adapts(t))
        return err;
    if (t->run->from.state.count) { /* its weights follow */
        t->at.features_square = t->run->from.at.features_square;
        t->at.strange = t->run->from.at.strange;
        return 0;
    }
    err = base_adapt(t, why);
    return err || training_adapts(t) ? err : base_leave_aside(t, why);
}

int training_net(struct training *t, struct reason *why)
{
    int err = net_make(t, why);
    if (err == 0)
        err = net_begin(t, why);
    return err ? err : together_state(t, why);
}

/* Checkpoints */

static bool is_saved(const struct training *t)
{
    return t->saved.iteration == t->at.iteration &&
           t->saved.epoch == t->at.epoch && t->saved.retries == t->at.retries;
}

static int state_walk(void *net, tensor_visit *visit, void *to,
                      struct reason *why)
{
    return net_walk(net, true, visit, to, why);
}

/* The caller has locked the state. */
static int checkpoint_save(struct training *t, struct reason *why)
{
    struct checkpoint c = {.at = t->at,
                           .identity = t->identity,
                           .rows = t->run->from.rows,
                           .best = t->best,
                           .record = t->record};
    double start = monotonic_now();
    c.at.seconds = t->seconds + start - t->began;
    const struct tensor_source state = {net_tensors(t->net, true), state_walk,
                                        t->net};
    writer_sync(t->run->writer); /* rows before it must not be lost */
    char *path = rundir_path(t->run, "checkpoint");
    int err = checkpoint_write(&c, &state, path, why);
    if (is_full(err) && decoded_give_up(t->run->dir))
        err = checkpoint_write(&c, &state, path, why);
    free(path);
    if (err)
        return err;
    t->saved = t->at;
    t->saved_time = monotonic_now();
    t->pace.checkpoint_seconds = t->saved_time - start;
    writer_checkpoint(t->run->writer, t->at.iteration);
    return 0;
}

void training_save(struct training *t)
{
    struct reason why = REASON_INIT;
    if (!nodes_lead(t->run->nodes) || is_saved(t) ||
        checkpoint_save(t, &why) == 0)
        return;
    t->saved_time = monotonic_now();
    writer_log(t->run->writer, "no checkpoint: %s", why.sentence);
}

/* Telling */

void training_tell(struct training *t)
{
    struct progress p;
    pace_progress(&t->pace, &t->recipe, &t->at, &p);
    control_progress(t->run->control, &p);
}

void training_tell_row(struct training *t, double precision, double right)
{
    struct metrics_row row;
    struct progress p;
    pace_row(&t->pace, &t->recipe, &t->at, &row);
    row.average_precision = precision;
    row.accuracy = right;
    pace_row_clear(&t->at);
    pace_progress(&t->pace, &t->recipe, &t->at, &p);
    control_progress(t->run->control, &p);
    metrics_row_print(&t->run->from.rows, &row);
    writer_metric(t->run->writer, &row, &p);
}

static void checkpoint_when_due(struct training *t, double least)
{
    control_lock(t->run->control);
    if (monotonic_now() - t->saved_time >= least)
        training_save(t);
    control_unlock(t->run->control);
}

/* The first one is saved at once, as everything is known by then. */
static void checkpoint_at_epoch(struct training *t)
{
    checkpoint_when_due(t, t->saved.epoch ? CHECKPOINT_LEAST_SECONDS : 0);
}

/* Divergence */

static int begin_anew(struct training *t, struct reason *why)
{
    uint64_t retries = t->at.retries, alone = t->at.alone;
    net_free(t->net);
    t->net = NULL;
    position_init(&t->at);
    t->at.retries = retries;
    t->at.alone = alone;
    int err = training_net(t, why);
    return err ? err : training_rates(t, why);
}

static int set_back(struct training *t, struct reason *why)
{
    if (t->at.retries >= (training_adapts(t) ? RETRIES_ADAPTED : RETRIES_MAX))
        return refuse(why, EDOM,
                      "the training diverged again at half the learning rate "
                      "(update %llu); a lower learning_rate would help",
                      (unsigned long long)t->at.iteration);
    writer_log(t->run->writer,
               t->best.count
                   ? N_("the training diverged at update %llu; it returns to "
                        "its best weights, at half the learning rate")
                   : N_("the training diverged at update %llu; it begins "
                        "again, at half the learning rate"),
               (unsigned long long)t->at.iteration);
    control_lock(t->run->control);
    int err = t->best.count
                  ? net_import(t->net, t->best.tensors, t->best.count, why)
                  : begin_anew(t, why);
    t->at.retries++;
    t->at.rate_scale /= 2;
    pace_row_clear(&t->at);
    control_unlock(t->run->control);
    return err;
}

/* Training */

/* The number of updates that fits the time that is left of time_limit; 0 = it
 * is not known. */
static uint64_t time_wish(const struct training *t)
{
    double gone = t->seconds + monotonic_now() - t->began;
    double limit = t->options->time_limit;
    return limit > 0 ? pace_fit(&t->pace, &t->recipe, &t->at, limit - gone) : 0;
}

/* A number of epochs that was set remains the most. */
static void time_fit(struct training *t)
{
    bool alone = nodes_count(t->run->nodes) == 1;
    uint64_t n = alone ? time_wish(t) : t->wish;
    if (n == 0)
        return;
    recipe_set_iterations(&t->recipe, n < t->most ? n : t->most);
    t->at.planned = t->recipe.iterations;
}

static int update_commit(struct training *t, double began, int n,
                         struct reason *why)
{
    double rate = recipe_rate(&t->recipe, t->at.iteration) * t->at.rate_scale;
    const struct net_rule rule = {
        .step = {.learning_rate = (float)rate,
                 .momentum = RECIPE_MOMENTUM,
                 .weight_decay = RECIPE_WEIGHT_DECAY},
        .average = (float)recipe_average(&t->recipe, t->at.iteration)};
    double loss = net_loss(t->net);
    control_lock(t->run->control);
    int err = net_update(t->net, &rule, why);
    if (err == 0) {
        t->at.step++;
        t->at.iteration++;
        pace_update(&t->pace, &t->at, monotonic_now() - began, n, loss);
        time_fit(t);
        if (t->at.row_seconds >= ROW_SECONDS &&
            t->at.step < recipe_epoch_steps(&t->recipe, t->at.epoch))
            training_tell_row(t, NAN, NAN);
    }
    control_unlock(t->run->control);
    return err;
}

static int update(struct training *t, struct reason *why)
{
    double began = monotonic_now();
    team_wait_look(&t->team_wait);
    struct loader_batch b;
    int err = loader_train(t->material.loader, (int)t->at.epoch,
                           (int)t->at.step, &b, why);
    t->wish = time_wish(t);
    if (err == 0)
        err = together_gradients(t, &b, why);
    if (err)
        return err;
    if (!(net_loss(t->net) < LOSS_LOST)) /* also true for NaN */
        return set_back(t, why);
    err = update_commit(t, began, b.total, why);
    if (err)
        return err;
    together_time(t, monotonic_now() - began);
    together_part(t);
    training_tell(t);
    checkpoint_when_due(t, CHECKPOINT_SECONDS);
    return 0;
}

/* Completes an epoch that no evaluation follows. */
static void epoch_end(struct training *t)
{
    control_lock(t->run->control);
    t->at.epoch++;
    t->at.step = 0;
    training_tell_row(t, NAN, NAN);
    control_unlock(t->run->control);
    checkpoint_at_epoch(t);
}

static int evaluate(struct training *t, struct reason *why)
{
    bool lost;
    int err = training_evaluate(t, &lost, why);
    if (err == 0 && lost)
        return set_back(t, why);
    if (err)
        return err;
    training_report(t);
    checkpoint_at_epoch(t);
    return 0;
}

static bool is_over(const struct training *t)
{
    if (t->parted || t->at.epoch >= recipe_epochs(&t->recipe))
        return true;
    return t->options->patience && t->at.stale >= t->options->patience;
}

/* What comes next: an update, or the end of an epoch. Before the first update,
 * an adapted base is evaluated, as it can tell the classes apart already. */
static int advance(struct training *t, struct reason *why)
{
    if (t->at.step < recipe_epoch_steps(&t->recipe, t->at.epoch) &&
        (t->at.iteration > 0 || !training_adapts(t) || t->best.count))
        return update(t, why);
    if (t->at.iteration == 0 || recipe_evaluates(&t->recipe, t->at.epoch + 1))
        return evaluate(t, why);
    epoch_end(t);
    return 0;
}

int training_epochs(struct training *t, struct reason *why)
{
    writer_stage(t->run->writer, NC_("stage", "training"));
    int err = together_begin(t, why);
    while (err == 0 && !is_over(t))
        err = advance(t, why);
    if (err == 0 && !t->parted && t->at.epoch < recipe_epochs(&t->recipe))
        writer_log(t->run->writer,
                   P_("stopping early: average precision has not risen for "
                      "%llu epoch",
                      "stopping early: average precision has not risen for "
                      "%llu epochs",
                      t->at.stale),
                   (unsigned long long)t->at.stale);
    return err;
}
