#include "trainer/training/epochs.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "trainer/evaluation/average_precision.h"
#include "trainer/training/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROW_SECONDS = 30,              /* between metrics rows within an epoch */
    CHECKPOINT_SECONDS = 60,       /* between checkpoints within an epoch */
    CHECKPOINT_LEAST_SECONDS = 15, /* between checkpoints at ends of epochs */
    RETRIES_MAX = 1,
    /* A network with this mean cross-entropy will not recover, even if no value
     * overflows: one that has learnt nothing yet has log(classes), which is 4.6
     * for a hundred classes. */
    LOSS_LOST = 1000,
};

int training_net(struct training *t, struct reason *why)
{
    const struct net_options options = {
        .network = t->network,
        .classes = t->material.dataset.classes,
        .image_size = t->options->image_size,
        .batch = t->options->batch,
        .bf16 = t->options->bf16,
        .training = true,
        .average = true,
        .addend = RECIPE_ADDEND,
        .class_weights = t->class_weights,
    };
    int err = net_open(&t->net, &options, t->options->seed, why);
    if (err)
        return err;
    net_fix_statistics(t->net, recipe_fixes_statistics(&t->recipe));
    return base_give(&t->material.base, t->net, t->material.head_kept, why);
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
                           .best = t->best};
    double start = monotonic_now();
    c.at.seconds = t->seconds + start - t->began;
    const struct tensor_source state = {net_tensors(t->net, true), state_walk,
                                        t->net};
    writer_sync(t->run->writer); /* rows before it must not be lost */
    char *path = rundir_path(t->run, "checkpoint");
    int err = checkpoint_write(&c, &state, path, why);
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
    if (is_saved(t) || checkpoint_save(t, &why) == 0)
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

/* The caller has locked the state: a stop must not write a checkpoint between
 * the change of the state and the row that reports it. */
static void tell_row(struct training *t, double precision, double right)
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

static void tell_epoch(const struct training *t)
{
    writer_log(t->run->writer,
               "epoch %llu of %llu: loss %.4f, average precision %.4f%s, "
               "accuracy %.4f, %.0f images/s",
               (unsigned long long)t->at.epoch,
               (unsigned long long)recipe_epochs(&t->recipe), t->pace.loss,
               t->at.average_precision,
               t->at.best_epoch == t->at.epoch ? _(" (best)") : "",
               t->at.accuracy, t->pace.speed);
}

static void checkpoint_when_due(struct training *t, double least)
{
    control_lock(t->run->control);
    if (monotonic_now() - t->saved_time >= least)
        training_save(t);
    control_unlock(t->run->control);
}

/* Divergence */

static int begin_anew(struct training *t, struct reason *why)
{
    uint64_t retries = t->at.retries;
    net_free(t->net);
    t->net = NULL;
    position_init(&t->at);
    t->at.retries = retries;
    return training_net(t, why);
}

static int set_back(struct training *t, struct reason *why)
{
    if (t->at.retries >= RETRIES_MAX)
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
        if (t->at.row_seconds >= ROW_SECONDS &&
            t->at.step < recipe_epoch_steps(&t->recipe, t->at.epoch))
            tell_row(t, NAN, NAN);
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
    if (err == 0 && recipe_head_only(&t->recipe, t->at.iteration))
        err = net_head_gradients(t->net, b.images, b.labels, b.count,
                                 RECIPE_SMOOTHING, why);
    else if (err == 0)
        err = net_gradients(t->net, b.images, b.labels, b.count,
                            RECIPE_SMOOTHING, why);
    if (err)
        return err;
    if (!(net_loss(t->net) < LOSS_LOST)) /* also true for NaN */
        return set_back(t, why);
    err = update_commit(t, began, b.count, why);
    if (err)
        return err;
    training_tell(t);
    checkpoint_when_due(t, CHECKPOINT_SECONDS);
    return 0;
}

/* Evaluation */

int training_predict(struct training *t, struct reason *why)
{
    struct loader *l = t->material.loader;
    int steps = loader_test_steps(l), classes = t->material.dataset.classes;
    int done = 0;
    for (int step = 0; step < steps; step++) {
        team_wait_look(&t->team_wait);
        struct loader_batch b;
        int err = loader_test(l, step, &b, why);
        if (err == 0)
            err = net_predict(t->net, b.images, b.count,
                              t->scores + (size_t)done * classes, why);
        if (err)
            return err;
        memcpy(t->answers + done, b.labels, (size_t)b.count * sizeof(int));
        done += b.count;
    }
    return 0;
}

static bool scores_finite(const struct training *t)
{
    size_t n = (size_t)loader_test_count(t->material.loader) *
               (size_t)t->material.dataset.classes;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(t->scores[i]))
            return false;
    return true;
}

/* Copies a tensor over the one of the same name, if there is one: copying into
 * the memory of the last best weights saves allocating it again. */
static int best_take(void *best, const struct tensor *t, struct reason *why)
{
    const struct tensor_list *l = best;
    (void)why;
    for (int i = 0; i < l->count; i++)
        if (!strcmp(l->tensors[i].name, t->name))
            memcpy(l->tensors[i].data, t->data,
                   tensor_count(t) * sizeof(float));
    return 0;
}

/* Keeps the present weights as the best ones. The caller has locked the state.
 */
static int best_keep(struct training *t, struct reason *why)
{
    int err = t->best.count ? net_walk(t->net, false, best_take, &t->best, why)
                            : net_export(t->net, false, &t->best.tensors,
                                         &t->best.count, why);
    if (err)
        return err;
    t->at.best_average_precision = t->at.average_precision;
    t->at.best_accuracy = t->at.accuracy;
    t->at.best_epoch = t->at.epoch;
    return 0;
}

static int epoch_commit(struct training *t, double precision, double right,
                        double seconds, struct reason *why)
{
    int err = 0;
    control_lock(t->run->control);
    double best = t->at.best_average_precision;
    t->at.average_precision = precision;
    t->at.accuracy = right;
    t->at.stale = isnan(best) || precision > best ? 0 : t->at.stale + 1;
    t->at.epoch++;
    t->at.step = 0;
    pace_evaluation(&t->at, seconds);
    if (isnan(best) || precision >= best)
        err = best_keep(t, why);
    if (err == 0)
        tell_row(t, precision, right);
    control_unlock(t->run->control);
    return err;
}

static int evaluate(struct training *t, struct reason *why)
{
    int n = loader_test_count(t->material.loader);
    int classes = t->material.dataset.classes;
    double began = monotonic_now(), precision;
    int err = training_predict(t, why);
    if (err)
        return err;
    if (!scores_finite(t))
        return set_back(t, why);
    err = average_precision(t->scores, t->answers, n, classes, &precision, why);
    if (err)
        return err;
    double right = accuracy(t->scores, t->answers, n, classes);
    err = epoch_commit(t, precision, right, monotonic_now() - began, why);
    if (err)
        return err;
    tell_epoch(t);
    training_report(t);
    checkpoint_when_due(t, t->saved.epoch ? CHECKPOINT_LEAST_SECONDS : 0);
    return 0;
}

static bool is_over(const struct training *t)
{
    if (t->at.epoch >= recipe_epochs(&t->recipe))
        return true;
    return t->options->patience && t->at.stale >= t->options->patience;
}

int training_epochs(struct training *t, struct reason *why)
{
    writer_stage(t->run->writer, NC_("stage", "training"));
    int err = 0;
    while (err == 0 && !is_over(t)) {
        bool more = t->at.step < recipe_epoch_steps(&t->recipe, t->at.epoch);
        err = more ? update(t, why) : evaluate(t, why);
    }
    if (err == 0 && t->at.epoch < recipe_epochs(&t->recipe))
        writer_log(t->run->writer,
                   P_("stopping early: average precision has not risen for "
                      "%llu epoch",
                      "stopping early: average precision has not risen for "
                      "%llu epochs",
                      t->at.stale),
                   (unsigned long long)t->at.stale);
    return err;
}
