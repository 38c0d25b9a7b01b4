/*
 * Writing JSON text. JSON is read in one place only, by jansson
 * (core/network/safetensors_header.c); it is not used here because it refuses
 * strings that are not UTF-8.
 */
#ifndef PRIMO_JSON_H
#define PRIMO_JSON_H

#include "core/basic/text.h"

/* Append s as a JSON string, with its quotes. What RFC 8259 requires is
 * escaped; bytes that are not UTF-8 become U+FFFD. */
void json_put_string(struct text *out, const char *s);
/* Append the key of a member, behind a comma where it is not the first one. */
void json_put_key(struct text *out, const char *key);
/* Append a member: a string, a number of so many digits, or a time in Unix
 * seconds. Its value is null where it is not known: an empty string, a number
 * that is not finite, a time of 0. */
void json_put_member(struct text *out, const char *key, const char *value);
void json_put_number(struct text *out, const char *key, double v, int digits);
void json_put_time(struct text *out, const char *key, double time);
/* Append a list of strings. */
void json_put_strings(struct text *out, char *const *strings, int count);

#endif
