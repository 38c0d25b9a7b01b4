/*
 * Which pictures `predict` is asked about: files, folders of files, and lists
 * of both.
 */
#ifndef PRIMO_PREDICT_INPUT_H
#define PRIMO_PREDICT_INPUT_H

#include "core/basic/reason.h"

#include <stddef.h>

struct inputs {
    char **path; /* "-" = the picture comes from standard input */
    size_t count, room;
};

/* Life cycle */
void inputs_release(struct inputs *in);

/* Change */

/* Add a picture, or all those in a folder and below it, by name. */
int inputs_add(struct inputs *in, const char *word, struct reason *why);
/* Add what stands in a file, one path a line; "-" = standard input. */
int inputs_add_list(struct inputs *in, const char *file, struct reason *why);

#endif
