/*
 * The lines that the daemon tells the worker of a service, printed by the one
 * and parsed by the other: trainer/serve/told.h says what they mean. Any
 * thread.
 */
#ifndef PRIMO_TOLD_LINE_H
#define PRIMO_TOLD_LINE_H

#include "core/basic/text.h"
#include "core/settings/param.h"

#define TOLD_SEGMENT "requests.%06u"

/* Most pictures that a worker evaluates together, a power of two. */
enum { TOLD_BATCH = 32 };

enum told_kind { TOLD_MODEL, TOLD_PICTURE, TOLD_LIST, TOLD_UNTIL, TOLD_BAD };

struct told_line {
    enum told_kind kind;
    char name[64];
    /* of a model */
    double temperature; /* above 0 */
    int top;            /* 1.. */
    struct page_range pages;
    /* of a picture */
    uint64_t request, revision;
    /* of a list: from which row on, up to which one, or which one is bad */
    uint64_t row;
};

/* Append the line. */
void told_line_print(struct text *out, const struct told_line *line);
/* Parse a line without its newline; false = it is none. */
bool told_line_parse(const char *s, struct told_line *out);

#endif
