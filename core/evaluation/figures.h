/*
 * Figures about an evaluation, as scikit-learn defines them. Pure functions;
 * any thread.
 */
#ifndef PRIMO_FIGURES_H
#define PRIMO_FIGURES_H

#include "core/evaluation/evaluation.h"

/* How well a class is found. A share of nothing is 0, as in scikit-learn. */
struct class_figures {
    int pictures;  /* that are of the class */
    int predicted; /* that were taken for it */
    int right;     /* both */
    double precision, recall, f1;
};

struct figures {
    struct class_figures *classes; /* [classes] */
    int pictures, right;
    double accuracy;
    double average_precision; /* mean of the classes that have pictures */
    double macro_f1; /* mean of the classes that are a truth or an answer */
    /* The expected calibration error: over CALIBRATION_BINS equal ranges of
     * confidence, the mean distance of confidence and accuracy, weighted by
     * pictures. */
    double calibration_error;
};

enum { CALIBRATION_BINS = 15 };

/* A 95 % interval. */
struct interval {
    double low, high;
};

/* What happens if only answers of at least this confidence count. */
struct threshold {
    double threshold;
    double answered; /* the share of all pictures that are answered */
    double right; /* the share of these that are right; NAN = there is none */
};
enum { THRESHOLDS = 24 };

/* Life cycle */
void figures_make(struct figures *f, const struct evaluation *e);
void figures_release(struct figures *f);

/* Read */
void thresholds_make(struct threshold list[THRESHOLDS],
                     const struct evaluation *e);
/* Wilson's interval of a share that was found among so many pictures. For an
 * average precision it is the binomial interval of Boyd, Eng and Page (2013),
 * by Wilson's formula: with scores of normal distributions, 2 to 10 classes and
 * 60 to 600 pictures it had the true mean precision in 97 to 100 of 100 cases
 * where that was above 0.8, and in 89 to 95 where it was 0.5 to 0.6. NAN where
 * n is 0. */
struct interval interval_of(double share, double n);

/* How often a class was taken for another one. */
struct confusion {
    int truth, predicted, pictures;
};
/* The mix-ups, the most frequent first, at most `most`; returns how many. Any
 * number of classes takes memory for the mistakes alone. */
int confusions_find(const struct evaluation *e, struct confusion *list,
                    int most);

#endif
