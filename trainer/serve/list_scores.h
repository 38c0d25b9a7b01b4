/*
 * The scores of the rows of a list, kept in the file `scores` of the run
 * directory, f32 [rows, classes], until an evaluation is made of them. A row
 * without scores begins with a NAN. One thread.
 */
#ifndef PRIMO_LIST_SCORES_H
#define PRIMO_LIST_SCORES_H

#include "trainer/run/rundir.h"
#include "trainer/serve/list_plan.h"

struct list_scores {
    int fd; /* -1 = none are kept */
    int classes;
};

/* Life cycle */
int list_scores_open(struct list_scores *s, int dir, int classes,
                     struct reason *why);
void list_scores_release(struct list_scores *s);

/* How many rows it has, without a gap, of the first `most` ones. */
uint64_t list_scores_count(const struct list_scores *s, uint64_t most);
/* Keep those of a row; NULL = it has none. */
int list_scores_put(const struct list_scores *s, uint64_t row,
                    const float *scores, struct reason *why);

struct list_judging {
    const struct list_plan *plan;
    char *const *class_names;
    double temperature;
    double milliseconds; /* that a picture took; NAN = not known */
};

/* Make the artifact `evaluation` of the rows that have a truth and scores.
 * Where there are none, it is not made. */
int list_scores_judge(const struct list_scores *s, const struct list_judging *j,
                      struct rundir *run, struct reason *why);

#endif
