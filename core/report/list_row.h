/*
 * A row of a list: what the worker of a service says in the journal of one
 * picture of it, printed by the one program and parsed by the other. Rows are
 * counted from 0, without a gap; a row that comes again is the same one.
 *
 *   row=N line=N truth=CLASS class=CLASS confidence=P page=N pages=N decode=MS
 *   network=MS path=SIZE:BYTES
 *   row=N line=N truth=CLASS code=WORD path=SIZE:BYTES error=SENTENCE
 *
 * on one line each. Paths are printable, and so need not be those of files; the
 * line says which one of the list is meant. Pure functions; any thread.
 */
#ifndef PRIMO_LIST_ROW_H
#define PRIMO_LIST_ROW_H

#include "core/basic/text.h"

/* Longer paths are cut: a record has 4096 bytes. */
enum { LIST_PATH_SHOWN = 2000 };

struct list_row {
    uint64_t row;
    uint64_t line; /* of the list, counted from 1 */
    int truth;     /* the class that its folder has the name of; -1 = none */
    int class;     /* the best class; -1 = it could not be read */
    double confidence;
    int first_page, pages;      /* that it is of; 1 and 1 are not printed */
    double decode, network;     /* ms */
    char code[32], error[1024]; /* why it could not be read; "" = it could */
    char path[LIST_PATH_SHOWN + 1];
};

/* Append the row, without a newline. */
void list_row_print(struct text *out, const struct list_row *r);
/* false = it is none */
bool list_row_parse(const char *payload, struct list_row *out);

#endif
