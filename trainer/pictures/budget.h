/*
 * A budget for the memory that pictures take while they are decoded, shared by
 * all threads of the process. A file of a few kilobytes can claim a hundred
 * million pixels, and all workers can meet such a file at the same time: so
 * each thread takes from the budget what it is about to allocate, and waits
 * until others have returned enough.
 *
 * One picture can always proceed, however large it is: if all threads that hold
 * something wait, one that waits for more gets it. So the memory in use is at
 * most the budget and one picture. A thread must not begin a second picture
 * while it holds one, returns what it has taken itself, and says so when it
 * waits for anything that another may have which waits for memory. Any thread.
 */
#ifndef PRIMO_PICTURE_BUDGET_H
#define PRIMO_PICTURE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

enum { BUDGET_BYTES = 512 << 20 };

/* Take `more` bytes for a picture, which already has *held bytes. */
void budget_take(size_t *held, size_t more);
/* Return all but so many bytes of a picture; *held is then at most these. */
void budget_keep(size_t *held, size_t bytes);
/* Return all bytes of a picture; *held becomes 0. */
void budget_return(size_t *held);
/* Say that this thread waits in a queue from now on, or no longer does. */
void budget_queue(bool queued);

#endif
