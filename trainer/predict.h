/*
 * `primo-train predict [--top N] MODEL_DIR PICTURE…`: which classes a model
 * sees in pictures.
 *
 * For each picture, its best classes are printed, best first, each on a line of
 * standard output: picture, class and probability, separated by tabs; a tab,
 * newline or backslash in a name is written \t, \n, \\. A picture that cannot
 * be read is reported on standard error, and makes the exit status 1.
 */
#ifndef PRIMO_PREDICT_H
#define PRIMO_PREDICT_H

/* argv[0] is "predict". Returns the exit status: 0; 1 = a picture or the model
 * could not be read; 2 = wrong usage. */
int predict_main(int argc, char **argv);

/* One line for --help. */
#define PREDICT_USAGE "primo-train predict [--top N] MODEL_DIR PICTURE..."

#endif
