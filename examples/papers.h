/*
 * Office papers: how a page of each kind is laid out, at random.
 */
#ifndef EXAMPLES_PAPERS_H
#define EXAMPLES_PAPERS_H

#include "page.h"

struct paper {
    const char *name;
    void (*draw)(struct page *p); /* on a page just started */
};

extern const struct paper papers[]; /* the last has no name */

#endif
