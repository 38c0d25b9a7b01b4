/*
 * Memory for activations and their gradients. It is taken and given back while
 * a plan is made, not while it runs, so that tensors which are not needed at
 * the same time get the same memory. Several plans use the same buffers, one
 * plan at a time. Owns its memory.
 *
 * It is cut from chunks, and what is given back becomes one again with the
 * free memory beside it: the activations of a network are of many sizes, and
 * what was a large one is several small ones later.
 */
#ifndef PRIMO_BUFFERS_H
#define PRIMO_BUFFERS_H

#include <stddef.h>

enum { BUFFERS_MAX = 512 };

struct buffers {
    /* All memory of the chunks, in the order of chunks and addresses. */
    struct buffer {
        char *data;
        size_t size;
        int chunk;
        int users; /* 0 = free */
    } list[BUFFERS_MAX];
    int count;
    struct chunk {
        char *data;
        size_t used; /* bytes from the beginning that were taken once */
    } chunk[BUFFERS_MAX];
    int chunks;
};

/* Life cycle */
void buffers_release(struct buffers *b);

/* Read */
int buffers_users(const struct buffers *b, const void *data);

/* Change */

/* Take a buffer of at least `size` bytes, for one user, aligned to a line of
 * the cache; NULL = out of memory. */
void *buffers_take(struct buffers *b, size_t size);
void buffers_share(struct buffers *b, const void *data); /* add a user */
void buffers_give(struct buffers *b, const void *data);  /* remove a user */
void buffers_give_all(struct buffers *b); /* free them all, for a new plan */

#endif
