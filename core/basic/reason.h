/*
 * Why something was refused: an errno and one sentence for people.
 *
 * Every fallible function ends in a `struct reason *why` and returns 0 or
 * -errno. A failure fills the reason, a success leaves it untouched. The
 * sentence is lower case, without a full stop, has the offender in quotes and
 * says what would be accepted. It is said in the language of the process
 * (language.h): formats are given in English and translated here. Nothing here
 * allocates; reasons live on the caller's stack and are used by one thread.
 */
#ifndef PRIMO_REASON_H
#define PRIMO_REASON_H

#include <stdarg.h>

struct reason {
    int code;            /* positive errno, 0 = nothing was refused */
    int line, column;    /* the place in a text, counted from 1; 0 = none */
    char sentence[1024]; /* printable (text.h), cut at a character */
    char excerpt[512];   /* the offending line and a caret line, or "" */
};

/* Life cycle */

#define REASON_INIT                                                            \
    {                                                                          \
        0                                                                      \
    }

/* Read */

/* What strerror() says, in the language of the process. */
const char *errno_text(int code);

/* Change */

/* Fill *why (which may be NULL) and return -code. */
int refuse(struct reason *why, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* refuse() with ": " and the text of errno `code` behind the sentence. */
int refuse_errno(struct reason *why, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "prefix" in front of the sentence; keeps the rest. Returns -code. */
int reason_prefix(struct reason *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
