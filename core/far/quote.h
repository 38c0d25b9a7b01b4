/*
 * Words for a shell. Any thread.
 */
#ifndef PRIMO_FAR_QUOTE_H
#define PRIMO_FAR_QUOTE_H

#include "core/basic/text.h"

/* Append the string in quotes, as one word. */
void put_quoted(struct text *out, const char *s);

#endif
