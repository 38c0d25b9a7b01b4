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
/* Append a list of strings. */
void json_put_strings(struct text *out, char *const *strings, int count);

#endif
