/*
 * `primo-train predict [--top N] MODEL_DIR PICTURE…`: what a model says of
 * pictures.
 *
 * For each picture its best classes, best first, one a line on standard
 * output: picture, class, probability, separated by tabs; a tab, newline or
 * backslash within a name is written \t, \n, \\. A picture that cannot be read
 * is said on standard error and makes the exit status 1.
 */
#ifndef PRIMO_PREDICT_H
#define PRIMO_PREDICT_H

/* argv[0] is "predict". Returns the exit status: 0, 1 = some picture (or the
 * model) could not be read, 2 = wrong use. */
int predict_main(int argc, char **argv);

/* One line for --help. */
#define PREDICT_USAGE "primo-train predict [--top N] MODEL_DIR PICTURE..."

#endif
