/*
 * Rows of comma-separated values, as RFC 4180 has them, except that lines end
 * in a newline. What others have named goes through csv_text(), so that no
 * spreadsheet takes it for a formula, and no terminal for a command.
 */
#ifndef PRIMO_CSV_H
#define PRIMO_CSV_H

#include "core/basic/text.h"

/* Append a cell and, behind it, `end`: ',' or '\n'. */

/* A text, as text_put_printable() shows it. One that begins with = + - @ gets
 * an apostrophe in front, which spreadsheets understand. */
void csv_text(struct text *out, const char *said, char end);
/* A number; empty where it is NAN. */
void csv_number(struct text *out, double v, char end);
void csv_count(struct text *out, long long n, char end);

#endif
