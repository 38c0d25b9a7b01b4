/*
 * `primo-train predict [OPTION…] MODEL_DIR PICTURE…`: which classes a model
 * sees in pictures, in folders of pictures, and in one on standard input (-).
 *
 * For each picture, its best classes are printed, best first; predict_output.h
 * has the forms. A picture that cannot be read is reported on standard error,
 * and makes the exit status 1. Options may stand anywhere; `--` ends them.
 */
#ifndef PRIMO_PREDICT_H
#define PRIMO_PREDICT_H

/* argv[0] is "predict". Returns the exit status: 0; 1 = a picture or the model
 * could not be read; 2 = wrong usage. */
int predict_main(int argc, char **argv);

/* One line for --help. */
#define PREDICT_USAGE                                                          \
    "primo-train predict [--top N] [--json|--csv] [--pages WHICH] "            \
    "[--list FILE] MODEL_DIR PICTURE|FOLDER|-..."

#endif
