/*
 * Calibration by a temperature T: the probabilities of a network become
 * p^(1/T), normalised. What it answers stays; how certain it says to be is
 * brought to how often it is right. Pure functions; the results do not depend
 * on threads.
 */
#ifndef PRIMO_TEMPERATURE_H
#define PRIMO_TEMPERATURE_H

/* The temperature of maximum likelihood on pictures whose classes are known:
 * probabilities [n, classes], labels [n]. 0.05 to 20; 1 where there are no
 * pictures, and where every answer is right, as then there is no maximum: the
 * more certain, the likelier. Past some millions of numbers, evenly chosen
 * pictures stand for all. */
double temperature_fit(const float *probabilities, const int *labels, int n,
                       int classes);

/* Calibrate the probabilities of one picture: calibrated [classes]. */
void temperature_apply(double temperature, const float *probabilities,
                       int classes, double *calibrated);

#endif
