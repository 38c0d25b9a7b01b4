/*
 * `primo-train evaluate [--out DIR] MODEL_DIR FOLDER`: how good a model is on
 * another labelled folder, which has a folder for each of its classes.
 *
 * Standard output gets `key: value` lines with the figures, and the most
 * frequent mix-ups. With --out, DIR gets the reports of a model
 * (core/evaluation/); those that are there already are replaced. Confidences
 * are calibrated by the temperature that the model has, so that the calibration
 * error says how well that holds for these pictures. A picture that cannot be
 * read is reported on standard error, left out, and makes the exit status 1.
 */
#ifndef PRIMO_EVALUATE_H
#define PRIMO_EVALUATE_H

/* argv[0] is "evaluate". Returns the exit status: 0; 1 = something could not be
 * read or written; 2 = wrong usage. */
int evaluate_main(int argc, char **argv);

/* One line for --help. */
#define EVALUATE_USAGE                                                         \
    "primo-train evaluate [--out DIR] [--pages WHICH] MODEL_DIR FOLDER"

#endif
