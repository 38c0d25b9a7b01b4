/*
 * Memory that is always there: git's xmalloc() and its kin. Where the system
 * has no more, the program is aborted, so callers need not check; that is right
 * for what is small and what no request can go on without. What a user's file
 * makes large is allocated with malloc(3) instead, and refused with a sentence.
 * Everything is freed with free(3). Any thread.
 */
#ifndef PRIMO_ALLOC_H
#define PRIMO_ALLOC_H

#include <stddef.h>

/* None of these returns NULL, also where no bytes are asked for. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
void *xreallocarray(void *old, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n); /* at most n bytes of it */
char *xstrfmt(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Make room in the array `list` for `count` elements. `room` is how many it has
 * room for; it grows by half, so that appending one by one stays cheap. */
#define ALLOC_GROW(list, count, room)                                          \
    do {                                                                       \
        if ((count) > (room)) {                                                \
            (room) = alloc_room((room), (count));                              \
            (list) = xreallocarray((list), (room), sizeof *(list));            \
        }                                                                      \
    } while (0)

/* What an array with `room` places gets when it needs `count`. */
size_t alloc_room(size_t room, size_t count);

#endif
