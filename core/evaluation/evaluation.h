/*
 * An evaluation: what a model said of each picture of a test part. The trainer
 * makes one and prints it; both programs read it back, and all reports are
 * made from it (reports.h), so that no two of them disagree.
 *
 * The text form is one item a line, with fields separated by single blanks:
 *
 *   evaluation 1
 *   temperature T                           each at most once
 *   milliseconds M
 *   complete                                the model's own, not one on the way
 *   class AP NAME                           AP "-" = the class has no pictures
 *   picture TRUTH PREDICTED SECOND CONFIDENCE SECOND_CONFIDENCE PATH
 *   thumbnail PICTURE WIDTH HEIGHT BASE64   a JPEG
 *
 * Classes and pictures are counted from 0. Names and paths are printable: what
 * a terminal would obey is left out of them. The file is evaluated by two
 * programs that need not be of one version; a line of another kind is ignored.
 *
 * Values that own their memory; for one thread at a time.
 */
#ifndef PRIMO_EVALUATION_H
#define PRIMO_EVALUATION_H

#include "core/basic/reason.h"
#include "core/basic/text.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    EVALUATION_BYTES = 32 << 20, /* most of the text form */
    EVALUATION_CLASSES = 1 << 20,
    THUMBNAILS_MOST = 100,
    THUMBNAIL_SIDE = 160, /* pixels of its longer side */
};

struct evaluated_class {
    const char *name;
    double average_precision; /* NAN = it has no pictures */
};

/* One picture of the test part. The second class is the next best one. */
struct evaluated {
    int truth, predicted, second;
    double confidence, second_confidence; /* calibrated, 0 to 1 */
    const char *path;                     /* below the dataset */
};

struct thumbnail {
    int picture, width, height;
    const char *base64;
};

struct evaluation {
    double temperature;  /* that the confidences were calibrated with */
    double milliseconds; /* that a picture took; NAN = not known */
    bool complete;       /* of the model itself */
    struct evaluated_class *classes;
    struct evaluated *pictures; /* in the order of the dataset */
    struct thumbnail *thumbnails;
    int class_count, picture_count, thumbnail_count;
    size_t class_room, picture_room, thumbnail_room;
    struct text text; /* what the strings point into; empty = not owned */
};

/* Life cycle */
void evaluation_init(struct evaluation *e);
void evaluation_release(struct evaluation *e);

/* Change: put one together. The strings stay the caller's. */
void evaluation_add_class(struct evaluation *e, const char *name,
                          double average_precision);
void evaluation_add(struct evaluation *e, const struct evaluated *picture);
void evaluation_add_thumbnail(struct evaluation *e, const struct thumbnail *t);

/* Text */

/* Append the text form. Numbers have seven digits there, and all that is made
 * of the text has them as they stand in it. */
void evaluation_print(struct text *out, const struct evaluation *e);
/* Parse a text into *out, which is initialised by this. EINVAL: it is none;
 * nothing is left to release then. */
int evaluation_parse(struct evaluation *out, const char *text, size_t size,
                     struct reason *why);

/* Read */

bool evaluated_is_right(const struct evaluated *p);
/* The wrong answers, the most certain first; among equal ones the first of the
 * dataset. The caller frees the list. */
int *evaluation_mistakes(const struct evaluation *e, int *count);

#endif
