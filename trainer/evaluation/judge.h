/*
 * From the scores of a test part to an evaluation (core/evaluation/), of which
 * all reports are made.
 */
#ifndef PRIMO_JUDGE_H
#define PRIMO_JUDGE_H

#include "core/evaluation/evaluation.h"

struct judging {
    const float *scores; /* [pictures, classes] */
    const int *answers;  /* [pictures] */
    int pictures, classes;
    char *const *class_names;
    /* The path of a picture, for people. */
    const char *(*path)(void *context, int picture);
    void *context;
    double temperature;  /* to calibrate by; 0 = fit it to these pictures */
    double milliseconds; /* that a picture took; NAN = not known */
    bool complete;
};

/* Put an evaluation together. Its strings are those of the classes and of
 * path(). ENOMEM. */
int judge(struct evaluation *out, const struct judging *j, struct reason *why);

#endif
