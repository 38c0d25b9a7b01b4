/*
 * Growable byte strings and small questions about text.
 *
 * A struct text owns its bytes, always has a NUL behind them and never fails:
 * out of memory ends the process (abort), as the sizes that reach it are
 * bounded by its callers. Not for concurrent use. All text is UTF-8.
 */
#ifndef PRIMO_TEXT_H
#define PRIMO_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *data;  /* NULL = empty, nothing allocated */
    size_t size; /* bytes, without the NUL */
    size_t room; /* bytes allocated */
};

/* Life cycle */
#define TEXT_INIT                                                              \
    {                                                                          \
        0                                                                      \
    }
void text_init(struct text *t); /* no allocation */
void text_release(
    struct text *t); /* afterwards it is as text_init() makes it */
void text_move(struct text *to, struct text *from); /* releases *to first */

/* Read */
const char *text_string(const struct text *t); /* never NULL */

/* Change */
void text_clear(struct text *t); /* empty, keeps its room */
void text_add(struct text *t, const void *data, size_t size);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *format, va_list ap);
void text_resize(struct text *t, size_t size); /* new bytes are 0 */
/* Overwrite or extend the text at an offset. A gap is filled with 0. */
void text_write(struct text *t, size_t offset, const void *data, size_t size);
/* Numbers and durations that read the same in every locale. */
void text_put_double(struct text *t, double v, int significant_digits);
void text_put_time(struct text *t, double unix_seconds); /* RFC 3339 UTC, ms */
void text_put_duration(struct text *t, double seconds);  /* HH:MM:SS */
/* Append with XML's special characters escaped, and without control
 * characters. */
void text_put_escaped(struct text *t, const char *s);
/* Append space-separated words as people list them: with ", " between them, and
 * `last` before the last one. */
void text_put_words(struct text *t, const char *words, const char *last);

/* Append bytes that somebody else chose, in a form that is safe to show to
 * people and their terminals. The result is one line of valid UTF-8 and never
 * longer than `s`: line breaks and other white space become blanks, format
 * characters (bidirectional and zero-width ones) are left out, all other
 * control characters and bytes that are not UTF-8 become '?'. */
void text_put_printable(struct text *t, const char *s, size_t size);
/* As text_put_printable(), but newlines stay. */
void text_put_printable_lines(struct text *t, const char *s, size_t size);

/* Strings */

/* Do in place what text_put_printable() does. */
void make_printable(char *s);

/* A fingerprint: equal texts have the same number, different ones hardly ever
 * do. */
uint64_t text_print(const struct text *t);

/* The length in bytes of the UTF-8 character at s, where n bytes are readable;
 * 0 = it is not valid (overlong, surrogate, past U+10FFFF, cut). `code` may be
 * NULL. */
size_t utf8_decode(const char *s, size_t n, unsigned *code);
/* The offset of the first byte that is not valid UTF-8, or n. */
size_t utf8_valid(const char *s, size_t n);
/* Whether a character shows nothing of itself, whatever the font; blanks are
 * none of these. */
bool is_invisible(unsigned code);
/* The number of characters (code points) in valid UTF-8. */
size_t utf8_count(const char *s, size_t n);
/* Parse a whole string as a number in the C locale. Returns false where it is
 * none. */
bool parse_double(const char *s, double *out);
/* Parse what text_put_time() writes, at the beginning of s. */
bool parse_time(const char *s, double *out);
bool parse_int(const char *s, long long *out);
/* The name of names[0..n), all in small letters, that is nearest to s by edit
 * distance, whatever the case of s, or NULL where none is near enough (within a
 * third of the longer one's length, at least 1). */
const char *nearest_name(const char *s, const char *const *names, size_t n);

#endif
