#include "trainer/evaluation/average_precision.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct ranked {
    float score;
    bool hit; /* the picture belongs to the class */
};

static int by_score_down(const void *a, const void *b)
{
    float x = ((const struct ranked *)a)->score;
    float y = ((const struct ranked *)b)->score;
    return (x < y) - (x > y);
}

/* The area under the curve: the sum over distinct scores of precision times the
 * gain in recall. Ties are taken together, as their order means nothing. */
static double area(const struct ranked *ranked, int n, int hits)
{
    double sum = 0;
    int found = 0;
    for (int i = 0; i < n;) {
        int before = found, tied = i;
        while (i < n && ranked[i].score == ranked[tied].score)
            found += ranked[i++].hit;
        sum += (double)(found - before) * found / i;
    }
    return sum / hits;
}

/* The average precision of one class; NAN if it has no pictures. */
static double class_precision(const float *scores, const int *labels, int n,
                              int classes, int class, struct ranked *room)
{
    int hits = 0;
    for (int i = 0; i < n; i++) {
        float score = scores[(size_t)i * classes + class];
        room[i].score = isnan(score) ? -INFINITY : score;
        room[i].hit = labels[i] == class;
        hits += room[i].hit;
    }
    if (hits == 0)
        return NAN;
    qsort(room, n, sizeof *room, by_score_down);
    return area(room, n, hits);
}

/* Computes the average precision of every class, each [classes]. */
static int precisions(const float *scores, const int *labels, int n,
                      int classes, double *each)
{
    bool room_lacks = false;
#pragma omp parallel reduction(|| : room_lacks)
    {
        struct ranked *room = malloc(sizeof *room * (size_t)(n ? n : 1));
        room_lacks = !room;
#pragma omp for schedule(dynamic)
        for (int k = 0; k < classes; k++)
            each[k] = room
                          ? class_precision(scores, labels, n, classes, k, room)
                          : NAN;
        free(room);
    }
    return room_lacks ? -ENOMEM : 0;
}

static double mean_known(const double *v, int n)
{
    double sum = 0;
    int known = 0;
    for (int i = 0; i < n; i++) {
        if (isnan(v[i]))
            continue;
        sum += v[i];
        known++;
    }
    return known ? sum / known : NAN;
}

int average_precisions(const float *scores, const int *labels, int n,
                       int classes, double *each, struct reason *why)
{
    for (int i = 0; i < n; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return refuse(why, EINVAL, "label %d is not one of %d classes",
                          labels[i], classes);
    return precisions(scores, labels, n, classes, each)
               ? refuse(why, ENOMEM, "no memory to rank %d pictures", n)
               : 0;
}

int average_precision(const float *scores, const int *labels, int n,
                      int classes, double *out, struct reason *why)
{
    double *each = malloc(sizeof *each * (size_t)(classes > 0 ? classes : 1));
    int err = each ? average_precisions(scores, labels, n, classes, each, why)
                   : refuse(why, ENOMEM, "no memory for %d classes", classes);
    if (err == 0)
        *out = mean_known(each, classes);
    free(each);
    return err;
}

double accuracy(const float *scores, const int *labels, int n, int classes)
{
    int right = 0;
    for (int i = 0; i < n; i++) {
        const float *row = scores + (size_t)i * classes;
        int best = 0;
        for (int k = 1; k < classes; k++)
            if (row[k] > row[best])
                best = k;
        right += best == labels[i];
    }
    return n ? (double)right / n : NAN;
}
