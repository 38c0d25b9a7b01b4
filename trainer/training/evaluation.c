#include "trainer/training/evaluation.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "trainer/evaluation/average_precision.h"
#include "trainer/evaluation/choice.h"
#include "trainer/training/together.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int training_predict(struct training *t, struct reason *why)
{
    struct loader *l = t->material.loader;
    int steps = loader_test_steps(l), classes = t->material.dataset.classes;
    int done = 0, count = loader_test_count(l);
    for (int i = 0; i < count; i++)
        t->answers[i] = loader_test_sample(l, i)->label;
    memset(t->scores, 0, (size_t)count * (size_t)classes * sizeof *t->scores);
    for (int step = 0; step < steps; step++) {
        team_wait_look(&t->team_wait);
        struct loader_batch b;
        int err = loader_test(l, step, &b, why);
        if (err == 0 && b.count)
            err = net_predict(t->net, b.images, b.count,
                              t->scores + (size_t)(done + b.first) * classes,
                              why);
        if (err)
            return err;
        done += b.total;
    }
    together_scores(t);
    return together_check(t, why);
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

/* The choice: see choice.h. The evaluation on record is the one that gave the
 * test pictures most of their truths. */

enum { MANY = 100 }; /* so many test pictures know which epoch is the best */

static bool are_many(const struct training *t)
{
    return loader_test_count(t->material.loader) >= MANY;
}

static bool is_chosen(const struct training *t)
{
    int n = loader_test_count(t->material.loader);
    double best = t->at.best_average_precision;
    if (are_many(t))
        return isnan(best) || t->at.average_precision >= best;
    return !t->record.count ||
           !choice_is_worse(t->truths, t->record.tensors->data, n);
}

static int record_keep(struct training *t, struct reason *why)
{
    int n = loader_test_count(t->material.loader);
    if (are_many(t))
        return 0;
    if (!t->record.count) {
        int err = tensor_list_make(&t->record, "truths", n, why);
        if (err)
            return err;
    } else if (choice_mean(t->truths, n) <
               choice_mean(t->record.tensors->data, n)) {
        return 0;
    }
    memcpy(t->record.tensors->data, t->truths, (size_t)n * sizeof(float));
    return 0;
}

/* Keeps the present weights as those to publish. The caller has locked the
 * state. */
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

/* Completes the epoch. Before the first update there is none to complete, and
 * no row to report. */
static int evaluation_commit(struct training *t, double precision, double right,
                             double seconds, struct reason *why)
{
    int err = 0;
    control_lock(t->run->control);
    bool rises = isnan(t->at.highest) || precision > t->at.highest;
    t->at.average_precision = precision;
    t->at.accuracy = right;
    t->at.highest = rises ? precision : t->at.highest;
    if (t->at.iteration > 0) {
        t->at.epoch++;
        t->at.stale = rises ? 0 : t->at.stale + t->recipe.rhythm;
    }
    t->at.step = 0;
    pace_evaluation(&t->at, seconds);
    if (is_chosen(t))
        err = best_keep(t, why);
    if (err == 0)
        err = record_keep(t, why);
    if (err == 0 && t->at.iteration > 0)
        training_tell_row(t, precision, right);
    control_unlock(t->run->control);
    return err;
}

static void tell_evaluation(const struct training *t)
{
    bool chosen = t->at.best_epoch == t->at.epoch;
    if (t->at.epoch == 0)
        writer_log(t->run->writer,
                   "the new head alone: average precision %.4f, accuracy %.4f",
                   t->at.average_precision, t->at.accuracy);
    else
        writer_log(t->run->writer,
                   "epoch %llu of %llu: loss %.4f, average precision %.4f%s, "
                   "accuracy %.4f, %.0f images/s",
                   (unsigned long long)t->at.epoch,
                   (unsigned long long)recipe_epochs(&t->recipe), t->pace.loss,
                   t->at.average_precision, chosen ? "" : _(" (worse)"),
                   t->at.accuracy, t->pace.speed);
}

int training_evaluate(struct training *t, bool *lost, struct reason *why)
{
    int n = loader_test_count(t->material.loader);
    int classes = t->material.dataset.classes;
    double began = monotonic_now(), precision;
    int err = training_predict(t, why);
    if (err)
        return err;
    *lost = !scores_finite(t);
    if (*lost)
        return 0;
    choice_truths(t->scores, t->answers, n, classes, t->truths);
    err = average_precision(t->scores, t->answers, n, classes, &precision, why);
    if (err)
        return err;
    double right = accuracy(t->scores, t->answers, n, classes);
    err = evaluation_commit(t, precision, right, monotonic_now() - began, why);
    if (err == 0)
        tell_evaluation(t);
    return err;
}
