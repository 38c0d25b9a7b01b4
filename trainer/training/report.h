/*
 * Reporting what evaluations saw of each picture: the artifact `evaluation`, of
 * which the daemon, or a training without a mount, makes predictions.csv and
 * what follows from it. Used by the main thread.
 */
#ifndef PRIMO_TRAINING_REPORT_H
#define PRIMO_TRAINING_REPORT_H

#include "trainer/training/epochs.h"

/* Report t->scores, which an evaluation has just made. Most of them are not
 * reported where evaluations are frequent, so that this takes a small part of
 * the time. What fails here is logged and harms no training. */
void training_report(struct training *t);
/* Evaluate the weights in t->best, which become the model, report that with
 * thumbnails of the worst mistakes, and set t->temperature. ENOSPC, … */
int training_report_model(struct training *t, struct reason *why);

#endif
