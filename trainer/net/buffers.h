/*
 * Memory for activations and their gradients, taken and given back while a
 * plan is made, so that what is not needed at the same time shares memory.
 * Several plans use the same buffers, one after the other. Owns its memory.
 */
#ifndef PRIMO_BUFFERS_H
#define PRIMO_BUFFERS_H

#include <stddef.h>

enum { BUFFERS_MAX = 256 };

struct buffers {
    struct buffer {
        void *data;
        size_t size;
        int users; /* 0 = to be had */
    } list[BUFFERS_MAX];
    int count;
};

/* Life cycle */
void buffers_release(struct buffers *b);

/* Read */
int buffers_users(const struct buffers *b, const void *data);

/* Change */

/* At least `size` bytes, for one user; NULL = out of memory. */
void *buffers_take(struct buffers *b, size_t size);
void buffers_share(struct buffers *b, const void *data); /* one user more */
void buffers_give(struct buffers *b, const void *data);  /* one less */
void buffers_give_all(struct buffers *b); /* a new plan may use them all */

#endif
