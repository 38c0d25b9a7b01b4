/*
 * Whether what was opened lies below a folder, however the way led there. The
 * kernel is asked for the place of both descriptors, so that nobody can change
 * a link between the question and the use of the answer. Any thread.
 */
#ifndef PRIMO_WITHIN_H
#define PRIMO_WITHIN_H

#include <stdbool.h>

/* Whether `fd` is the folder `root` or below it; false also where there is no
 * /proc to tell. */
bool is_within(int root, int fd);

#endif
