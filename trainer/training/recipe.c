#include "trainer/training/recipe.h"

#include <math.h>

/* An update takes about so many times as long as an evaluation of the same
 * pictures, which has no way back. */
#define WAY_BACK 3
/* The part of the time that evaluations may take. */
#define EVALUATION_PART 0.1

enum {
    MEMORY_PART = 30,  /* the average remembers 1/30 of all updates */
    AVERAGE_STEPS = 8, /* the weights are averaged every 8 updates at least */
};

void recipe_init(struct recipe *r, double peak, uint64_t steps, uint64_t epochs,
                 uint64_t iterations)
{
    r->peak = peak;
    r->steps = steps;
    r->rhythm = 1;
    recipe_set_iterations(r, iterations ? iterations : epochs * steps);
}

void recipe_set_iterations(struct recipe *r, uint64_t iterations)
{
    r->iterations = iterations;
    r->warmup = (uint64_t)((double)iterations * RECIPE_WARMUP);
    if (r->warmup == 0)
        r->warmup = 1;
}

void recipe_set_rhythm(struct recipe *r, int train, int test)
{
    double each = ceil(test / (train * WAY_BACK * EVALUATION_PART));
    r->rhythm = each > 1 ? (uint64_t)each : 1;
}

double recipe_rate(const struct recipe *r, uint64_t iteration)
{
    if (iteration >= r->iterations)
        return 0;
    if (iteration < r->warmup)
        return r->peak * (double)(iteration + 1) / (double)r->warmup;
    if (!RECIPE_COSINE)
        return r->peak;
    double done =
        (double)(iteration - r->warmup) / (double)(r->iterations - r->warmup);
    double fall = fmax(done - RECIPE_HOLD, 0) / (1 - RECIPE_HOLD);
    return r->peak * 0.5 * (1 + cos(M_PI * fall));
}

double recipe_average(const struct recipe *r, uint64_t iteration)
{
    if (!RECIPE_AVERAGE)
        return 1;
    double memory = (double)r->iterations / MEMORY_PART;
    uint64_t each = (uint64_t)(memory / 4), made = iteration + 1;
    each = each < 1 ? 1 : each > AVERAGE_STEPS ? AVERAGE_STEPS : each;
    if (made % each)
        return 0;
    /* At the beginning it is a plain mean, which has no memory to fill yet. */
    double fading = 1 - exp(-(double)each / memory);
    return fmax(fading, (double)each / (double)made);
}

uint64_t recipe_epochs(const struct recipe *r)
{
    return (r->iterations + r->steps - 1) / r->steps;
}

uint64_t recipe_epoch_steps(const struct recipe *r, uint64_t epoch)
{
    if (epoch >= recipe_epochs(r))
        return 0;
    uint64_t left = r->iterations - epoch * r->steps;
    return left < r->steps ? left : r->steps;
}

bool recipe_evaluates(const struct recipe *r, uint64_t epoch)
{
    return epoch % r->rhythm == 0 || epoch == recipe_epochs(r);
}

uint64_t recipe_evaluations_left(const struct recipe *r, uint64_t epoch)
{
    uint64_t epochs = recipe_epochs(r);
    if (epoch >= epochs)
        return 0;
    bool odd = epochs % r->rhythm != 0; /* the last one */
    return epochs / r->rhythm - epoch / r->rhythm + odd;
}

void recipe_class_weights(const int *pictures, int classes, float *weights)
{
    double all = 0, sum = 0;
    for (int i = 0; i < classes; i++) {
        all += pictures[i];
        sum += pictures[i] * pow(pictures[i], -RECIPE_BALANCE);
    }
    for (int i = 0; i < classes; i++)
        weights[i] = (float)(pow(pictures[i], -RECIPE_BALANCE) * all / sum);
}
