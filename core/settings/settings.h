/*
 * Settings: `key = value` text, parsed by the parameter table.
 *
 * settings_line() takes one complete line after the other, as they arrive in a
 * write(); settings_parse() takes a whole text. Both fail at the first fault
 * with its line and column, the line itself and a caret. Each value is kept
 * with the name of its source, so that several texts (type, template, command
 * line) can override each other.
 *
 * A struct settings owns its strings. Not for concurrent use.
 */
#ifndef PRIMO_SETTINGS_H
#define PRIMO_SETTINGS_H

#include "core/settings/param.h"

#include <stdint.h>

struct settings {
    char *value[KEY_COUNT];        /* NULL = not set */
    const char *source[KEY_COUNT]; /* a literal: "default", "type", … */
};

/* Judges a value that the table accepts; 0 or -errno with a sentence. */
typedef int settings_judge(void *context, enum key key, const char *value,
                           struct reason *why);

/* How far a text has been checked, line by line. */
struct settings_check {
    unsigned scope;
    settings_judge *judge; /* NULL = the table alone decides */
    void *context;         /* what the judge is called with */
    int line;              /* lines taken so far */
    uint64_t seen;         /* a bit for each enum key */
};

/* Life cycle */
void settings_init(struct settings *s); /* allocates nothing */
void settings_release(struct settings *s);

/* Read */

/* The value, or the parameter's default if none is set. */
const char *settings_get(const struct settings *s, enum key key);
/* The value as a number; NAN if it is empty or a word such as "auto". */
double settings_number(const struct settings *s, enum key key);
/* The value of a PARAM_SIZE in bytes; 0 if it is empty or a word. */
uint64_t settings_bytes(const struct settings *s, enum key key);
/* The value of a PARAM_SPAN in seconds; 0 if it is empty or a word. */
double settings_seconds(const struct settings *s, enum key key);

/* Change */

/* Check one line, without its newline, and unless `into` is NULL, set the value
 * in it. A CR at the end and a byte-order mark in line 1 are accepted. EINVAL:
 * the line has a NUL, invalid UTF-8, an unknown or repeated key, or a value
 * that is not accepted; EFBIG: it has more than 64 KiB. */
int settings_line(struct settings_check *check, const char *line, size_t size,
                  struct settings *into, const char *source,
                  struct reason *why);
/* Take all lines of a text; fails as settings_line() does. */
int settings_lines(struct settings_check *check, const char *text, size_t size,
                   struct settings *into, const char *source,
                   struct reason *why);
/* Set all values of a text; an empty value leaves what was set before. */
int settings_parse(struct settings *s, const char *text, size_t size,
                   unsigned scope, const char *source, struct reason *why);
/* Reset the key to its default. */
void settings_unset(struct settings *s, enum key key);

#endif
