#include "trainer/training/pace.h"

#include "core/basic/clock.h"
#include "trainer/run/journal_writer.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum {
    COLD_UPDATES = 2,   /* not timed: they allocate memory and fill caches */
    MEAN_UPDATES = 100, /* the memory of the running mean */
    CHECKPOINT_EVERY = 60,
    EXPORT_CHECKPOINTS = 1, /* an export takes as long as so many of them */
};

void pace_init(struct pace *p)
{
    *p = (struct pace){.checkpoint_seconds = NAN, .loss = NAN, .speed = NAN};
}

void pace_update(struct pace *p, struct position *at, double seconds, int n,
                 double loss)
{
    at->row_loss += loss;
    at->row_updates += 1;
    at->row_images += n;
    at->row_seconds += seconds;
    if (++p->measured <= COLD_UPDATES)
        return;
    double count = (double)(p->measured - COLD_UPDATES);
    double weight = 1 / fmin(count, MEAN_UPDATES);
    double mean = isnan(at->update_seconds) ? seconds : at->update_seconds;
    at->update_seconds = mean + weight * (seconds - mean);
}

void pace_evaluation(struct position *at, double seconds)
{
    double mean =
        isnan(at->evaluation_seconds) ? seconds : at->evaluation_seconds;
    at->evaluation_seconds = 0.5 * (mean + seconds);
}

void pace_row_clear(struct position *at)
{
    at->row_loss = at->row_updates = at->row_images = at->row_seconds = 0;
}

/* The loss and the speed since the last row, or those of the last row if
 * nothing has been measured since. */
static double row_loss(const struct pace *p, const struct position *at)
{
    return at->row_updates > 0 ? at->row_loss / at->row_updates : p->loss;
}

static double row_speed(const struct pace *p, const struct position *at)
{
    return at->row_seconds > 0 ? at->row_images / at->row_seconds : p->speed;
}

/* The learning rate of the last update. It is computed, so that a resumed
 * training knows that of an update which another process made. */
static double last_rate(const struct recipe *r, const struct position *at)
{
    return at->iteration ? recipe_rate(r, at->iteration - 1) * at->rate_scale
                         : NAN;
}

void pace_row(struct pace *p, const struct recipe *r, const struct position *at,
              struct metrics_row *row)
{
    p->loss = row_loss(p, at);
    p->speed = row_speed(p, at);
    *row = (struct metrics_row){
        .time = unix_now(),
        .epoch = (double)at->iteration / (double)r->steps,
        .iteration = at->iteration,
        .learning_rate = last_rate(r, at),
        .train_loss = p->loss,
        .average_precision = NAN,
        .accuracy = NAN,
        .images_per_second = p->speed,
    };
}

double pace_left(const struct pace *p, const struct recipe *r,
                 const struct position *at)
{
    if (isnan(at->update_seconds))
        return NAN;
    double left = (double)(r->iterations - at->iteration) * at->update_seconds;
    if (!isnan(at->evaluation_seconds))
        left += (double)recipe_evaluations_left(r, at->epoch) *
                at->evaluation_seconds;
    if (!isnan(p->checkpoint_seconds))
        left += p->checkpoint_seconds *
                (EXPORT_CHECKPOINTS + 1 + floor(left / CHECKPOINT_EVERY));
    return left;
}

uint64_t pace_fit(const struct pace *p, const struct recipe *r,
                  const struct position *at, double left)
{
    if (isnan(at->update_seconds))
        return 0;
    double each = at->update_seconds;
    double evaluation =
        isnan(at->evaluation_seconds) ? 0 : at->evaluation_seconds;
    each += evaluation / (double)(r->steps * r->rhythm);
    left -= evaluation; /* the last one, which may follow right upon another */
    if (!isnan(p->checkpoint_seconds))
        left -= p->checkpoint_seconds *
                (EXPORT_CHECKPOINTS + 1 + floor(left / CHECKPOINT_EVERY));
    return at->iteration + (left > 0 ? (uint64_t)(left / each) : 0);
}

void pace_progress(const struct pace *p, const struct recipe *r,
                   const struct position *at, struct progress *out)
{
    *out = (struct progress){
        .epoch = at->epoch,
        .epochs = recipe_epochs(r),
        .iteration = at->iteration,
        .iterations = r->iterations,
        .learning_rate = last_rate(r, at),
        .train_loss = row_loss(p, at),
        .images_per_second = row_speed(p, at),
        .eta = pace_left(p, r, at),
        .average_precision = at->average_precision,
        .accuracy = at->accuracy,
        .best_average_precision = at->best_average_precision,
        .best_accuracy = at->best_accuracy,
        .best_epoch = at->best_epoch,
    };
}
