/*
 * Libraries that may be missing: loaded when they are wanted, and not linked. A
 * file that uses one has a table of its functions, made with these macros from
 * one list of their names.
 */
#ifndef PRIMO_PAGES_LIBRARY_H
#define PRIMO_PAGES_LIBRARY_H

#include <stdbool.h>

/* Fields of a struct `lib`, which has the functions of the library, .. */
#define LIBRARY_FIELD(name) __typeof__(&name) name;
/* .. and the rows that say where each is put. */
#define LIBRARY_SYMBOL(name) {#name, &lib.name},

struct library_symbol {
    const char *name; /* NULL = the end */
    void *to;         /* a pointer to a function */
};

/* False: it is not installed, or is another one. */
bool library_load(const char *file, const struct library_symbol *s);

#endif
