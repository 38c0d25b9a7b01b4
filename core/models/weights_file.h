/*
 * Whether a file is one of weights, by its header. Any thread.
 */
#ifndef PRIMO_WEIGHTS_FILE_H
#define PRIMO_WEIGHTS_FILE_H

#include "core/network/base_match.h"

#include <stdbool.h>

/* Check that an open file is a whole base model, and find its network. EINVAL,
 * whose sentence says what is wrong; *cut (may be NULL) tells whether it is
 * only too short. */
int weights_check(int fd, struct base_match *m, bool *cut, struct reason *why);
/* Check the header of a file of which the first `there` bytes are written.
 * *size gets the size of the whole file; 0 = the header is not complete yet. */
int weights_header(int fd, uint64_t there, uint64_t *size, struct base_match *m,
                   struct reason *why);
/* Refuse a file that is longer than its header says; EINVAL. */
int weights_too_long(uint64_t end, uint64_t size, struct reason *why);

#endif
