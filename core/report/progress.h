/*
 * What a trainer reports while it trains: the rows of metrics.csv, and its
 * progress. Plain values and their text forms; no memory is owned. NAN means
 * "not known yet".
 */
#ifndef PRIMO_PROGRESS_H
#define PRIMO_PROGRESS_H

#include "core/basic/text.h"

#include <stdint.h>

/* One row of metrics.csv. */
struct metrics_row {
    double time;              /* Unix seconds */
    double epoch;             /* epochs completed; fractional within one */
    uint64_t iteration;       /* updates since the start */
    double learning_rate;     /* in the last update */
    double train_loss;        /* mean since the row before, in nats */
    double average_precision; /* 0 to 1, on the test part */
    double accuracy;          /* 0 to 1, on the test part */
    double images_per_second; /* in training, since the row before */
};

/* How far a training is; it is sent about once a second. */
struct progress {
    uint64_t epoch, epochs;         /* completed, planned */
    uint64_t iteration, iterations; /* completed, planned */
    double learning_rate, train_loss, images_per_second;
    double eta; /* seconds until the run ends; NAN = not known */
    double average_precision, accuracy; /* in the last evaluation */
    /* The best evaluation, whose weights become the model. */
    double best_average_precision, best_accuracy;
    uint64_t best_epoch; /* epochs completed by then, 0 = there is none */
};

#define METRICS_HEADER                                                         \
    "time,epoch,iteration,learning_rate,train_loss,average_precision,"         \
    "accuracy,images_per_second\n"

/* Change */
/* Appends the row with its newline. */
void metrics_row_print(struct text *out, const struct metrics_row *row);
/* Parses a line, without its newline; false = it is no row. */
bool metrics_row_parse(const char *line, struct metrics_row *row);

/* The text form is "epoch=3 epochs=30 …". A key that is missing is parsed as 0
 * or NAN. */
void progress_print(struct text *out, const struct progress *p);
bool progress_parse(const char *s, struct progress *p);

#endif
