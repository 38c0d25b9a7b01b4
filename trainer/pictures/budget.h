/*
 * How much memory pictures may take while they are decoded, by all threads of
 * the process together. A file of some kilobytes can promise a hundred million
 * pixels, and as many threads as there are workers can meet such a file at the
 * same time: so each tells what it is about to allocate, and waits until
 * others have given back enough.
 *
 * One picture always goes on, however large it is: where all that hold
 * something wait for more, one of them gets it. So no more is taken than the
 * budget and what one picture takes. A thread must not ask for a second picture
 * while it holds one. Any thread.
 */
#ifndef PRIMO_PICTURE_BUDGET_H
#define PRIMO_PICTURE_BUDGET_H

#include <stddef.h>

enum { BUDGET_BYTES = 512 << 20 };

/* Take `more` bytes beside the *held ones, which are those of one picture. */
void budget_take(size_t *held, size_t more);
/* Give back all; *held is 0 then. */
void budget_return(size_t *held);

#endif
