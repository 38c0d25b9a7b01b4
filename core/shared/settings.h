/*
 * Settings: `key = value` text, read against the parameter table.
 *
 * Two ways in: settings_line() takes one complete line after the other, as
 * they arrive in a write(); settings_parse() takes a whole text. Both refuse
 * at the first fault with line, column, the line and a caret. A value is kept
 * with the name of where it came from, so that several layers (defaults, type,
 * template, command line) can be laid over each other.
 *
 * A struct settings owns its strings. Not for concurrent use.
 */
#ifndef PRIMO_SETTINGS_H
#define PRIMO_SETTINGS_H

#include "core/shared/param.h"

#include <stdint.h>

struct settings {
    char *value[KEY_COUNT];        /* NULL = not set */
    const char *source[KEY_COUNT]; /* a literal: "default", "type", … */
};

/* Asked about a value that the table accepts; 0 or -errno with a sentence. */
typedef int settings_judge(void *context, enum key key, const char *value,
                           struct reason *why);

/* How far a text has been checked, line by line. */
struct settings_check {
    unsigned scope;
    settings_judge *judge; /* NULL = the table alone decides */
    void *context;         /* what the judge is called with */
    int line;              /* lines taken so far */
    uint64_t seen;         /* bit per enum key */
};

/* Life cycle */
void settings_init(struct settings *s); /* nothing set, no allocation */
void settings_release(struct settings *s);

/* Read */

/* The value, or the parameter's default where none is set. */
const char *settings_get(const struct settings *s, enum key key);
/* The value as a number; NAN when it is a word such as "auto" or empty. */
double settings_number(const struct settings *s, enum key key);
/* Bytes for PARAM_SIZE; 0 when it is a word or empty. */
uint64_t settings_bytes(const struct settings *s, enum key key);

/* Change */

/* Check one line (without its newline, at most 64 KiB, a CR before the end
 * and a byte-order mark on line 1 accepted) and, where `into` is not NULL, set
 * the value from it. EINVAL: NUL, invalid UTF-8, unknown or repeated key,
 * value out of range. */
int settings_line(struct settings_check *check, const char *line, size_t size,
                  struct settings *into, const char *source,
                  struct reason *why);
/* Take all lines of a text, from the first on; fails as settings_line() does.
 */
int settings_lines(struct settings_check *check, const char *text, size_t size,
                   struct settings *into, const char *source,
                   struct reason *why);
/* Lay a whole text over what is set. An empty value leaves the layer below. */
int settings_parse(struct settings *s, const char *text, size_t size,
                   unsigned scope, const char *source, struct reason *why);
/* Leave the key to its default. */
void settings_unset(struct settings *s, enum key key);

#endif
