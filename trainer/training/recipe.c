#include "trainer/training/recipe.h"

#include <math.h>

enum {
    MEMORY_PART = 30,  /* the average remembers 1/30 of all updates */
    AVERAGE_STEPS = 8, /* the weights are averaged every 8 updates at least */
};

static void warmup_set(struct recipe *r)
{
    r->warmup = (uint64_t)((double)(r->iterations - r->head) * RECIPE_WARMUP);
    if (r->warmup == 0)
        r->warmup = 1;
}

void recipe_init(struct recipe *r, double peak, uint64_t steps, uint64_t epochs,
                 uint64_t iterations)
{
    r->peak = peak;
    r->steps = steps;
    r->iterations = iterations ? iterations : epochs * steps;
    r->head = 0;
    warmup_set(r);
}

void recipe_head_first(struct recipe *r)
{
    r->head = (uint64_t)((double)r->iterations * RECIPE_HEAD_PART);
    warmup_set(r);
}

bool recipe_head_only(const struct recipe *r, uint64_t iteration)
{
    return iteration < r->head;
}

bool recipe_fixes_statistics(const struct recipe *r)
{
    return r->head > 0;
}

double recipe_rate(const struct recipe *r, uint64_t iteration)
{
    if (iteration >= r->iterations)
        return 0;
    if (recipe_head_only(r, iteration))
        return RECIPE_HEAD_PEAK * 0.5 *
               (1 + cos(M_PI * (double)iteration / (double)r->head));
    iteration -= r->head;
    if (iteration < r->warmup)
        return r->peak * (double)(iteration + 1) / (double)r->warmup;
    if (!RECIPE_COSINE)
        return r->peak;
    double done = (double)(iteration - r->warmup) /
                  (double)(r->iterations - r->head - r->warmup);
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

uint64_t recipe_epochs_left(const struct recipe *r, uint64_t epoch)
{
    uint64_t epochs = recipe_epochs(r);
    return epoch < epochs ? epochs - epoch : 0;
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
