#include "core/basic/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
    if (!p)
        abort();
    return p;
}

/* malloc(0) and its kin may return NULL, which is no failure. */

void *xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return checked(count && size ? calloc(count, size) : calloc(1, 1));
}

void *xrealloc(void *old, size_t size)
{
    return checked(realloc(old, size ? size : 1));
}

void *xreallocarray(void *old, size_t count, size_t size)
{
    return checked(count && size ? reallocarray(old, count, size)
                                 : realloc(old, 1));
}

char *xstrdup(const char *s)
{
    return checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
    return checked(strndup(s, n));
}

char *xstrfmt(const char *format, ...)
{
    char *out;
    va_list ap;
    va_start(ap, format);
    if (vasprintf(&out, format, ap) < 0)
        abort();
    va_end(ap);
    return out;
}

size_t alloc_room(size_t room, size_t count)
{
    size_t more = (room + 16) / 2 * 3;
    return more > count ? more : count;
}
