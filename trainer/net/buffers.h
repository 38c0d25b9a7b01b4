/*
 * Memory for activations and their gradients. It is taken and given back while
 * a plan is made, not while it runs, so that tensors which are not needed at
 * the same time get the same memory. Several plans use the same buffers, one
 * plan at a time. Owns its memory.
 */
#ifndef PRIMO_BUFFERS_H
#define PRIMO_BUFFERS_H

#include <stddef.h>

enum { BUFFERS_MAX = 512 };

struct buffers {
    struct buffer {
        void *data;
        size_t size;
        int users; /* 0 = free */
    } list[BUFFERS_MAX];
    int count;
};

/* Life cycle */
void buffers_release(struct buffers *b);

/* Read */
int buffers_users(const struct buffers *b, const void *data);

/* Change */

/* Take a buffer of at least `size` bytes, for one user; NULL = out of memory.
 */
void *buffers_take(struct buffers *b, size_t size);
void buffers_share(struct buffers *b, const void *data); /* add a user */
void buffers_give(struct buffers *b, const void *data);  /* remove a user */
void buffers_give_all(struct buffers *b); /* free them all, for a new plan */

#endif
