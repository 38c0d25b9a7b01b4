/*
 * The kinds of documents that scans makes, one a class: letters, invoices,
 * forms and reports. Each has a function that draws one document of its kind
 * onto a blank page, with a random layout. All kinds use the same words, fonts
 * and ornaments, so that a classifier has to learn how they are laid out.
 */
#ifndef EXAMPLES_PAPERS_H
#define EXAMPLES_PAPERS_H

#include "page.h"

struct paper {
    const char *name;
    void (*draw)(struct page *p); /* onto a page that has just been started */
};

extern const struct paper papers[]; /* ends with one whose name is NULL */

#endif
