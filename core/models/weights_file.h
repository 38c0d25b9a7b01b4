/*
 * Whether a file is one of weights, by its header. Any thread.
 */
#ifndef PRIMO_WEIGHTS_FILE_H
#define PRIMO_WEIGHTS_FILE_H

#include "core/shared/base_match.h"

#include <stdbool.h>

/* Whether an open file is a base model, whole, and which network it is. EINVAL
 * with what is wrong with it; *cut (may be NULL) says that it is only too
 * short. */
int weights_check(int fd, struct base_match *m, bool *cut, struct reason *why);
/* The same of the first `there` bytes of one; *size of the whole, 0 = the
 * header is not complete yet. */
int weights_header(int fd, uint64_t there, uint64_t *size, struct base_match *m,
                   struct reason *why);
/* EINVAL: it goes on past the end that its header tells of. */
int weights_too_long(uint64_t end, uint64_t size, struct reason *why);

#endif
