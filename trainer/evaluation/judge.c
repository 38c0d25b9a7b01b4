#include "trainer/evaluation/judge.h"

#include "trainer/evaluation/average_precision.h"
#include "trainer/evaluation/temperature.h"

#include <errno.h>
#include <stdlib.h>

/* The best class and the next one; among equals the first one counts. */
static void best_two(const float *scores, int classes, int *best, int *second)
{
    *best = 0;
    for (int k = 1; k < classes; k++)
        if (scores[k] > scores[*best])
            *best = k;
    *second = *best == 0 && classes > 1;
    for (int k = 0; k < classes; k++)
        if (k != *best && scores[k] > scores[*second])
            *second = k;
}

static void picture_judge(struct evaluation *e, const struct judging *j, int i,
                          double *calibrated)
{
    const float *scores = j->scores + (size_t)i * (size_t)j->classes;
    struct evaluated p = {.truth = j->answers[i],
                          .path = j->path(j->context, i)};
    best_two(scores, j->classes, &p.predicted, &p.second);
    temperature_apply(e->temperature, scores, j->classes, calibrated);
    p.confidence = calibrated[p.predicted];
    p.second_confidence = calibrated[p.second];
    evaluation_add(e, &p);
}

int judge(struct evaluation *out, const struct judging *j, struct reason *why)
{
    size_t classes = (size_t)j->classes;
    double *room = malloc(2 * classes * sizeof *room);
    evaluation_init(out);
    int err = room ? average_precisions(j->scores, j->answers, j->pictures,
                                        j->classes, room, why)
                   : refuse(why, ENOMEM, "no memory for %zu classes", classes);
    for (int i = 0; err == 0 && i < j->classes; i++)
        evaluation_add_class(out, j->class_names[i], room[i]);
    out->complete = j->complete;
    out->milliseconds = j->milliseconds;
    if (err == 0)
        out->temperature = j->temperature > 0
                               ? j->temperature
                               : temperature_fit(j->scores, j->answers,
                                                 j->pictures, j->classes);
    for (int i = 0; err == 0 && i < j->pictures; i++)
        picture_judge(out, j, i, room + classes);
    free(room);
    return err;
}
