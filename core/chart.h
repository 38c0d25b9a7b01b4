/*
 * The chart of a training as SVG text, and as a page that renews itself:
 * learning rate (green, logarithmic right axis), train loss (blue, left axis)
 * and average precision on the test part (red, axis of its own from 0 to 1)
 * over epochs; current figures in the heading.
 *
 * A pure function of its arguments: the same chart gives the same bytes in
 * every locale. Rows may be any number, with cells not known (NAN) or not
 * finite; more than CHART_POINTS are thinned. Any thread.
 */
#ifndef PRIMO_CHART_H
#define PRIMO_CHART_H

#include "report.h"
#include "text.h"

enum { CHART_POINTS = 1000 }; /* most points of one line */

struct chart {
    const char *title;  /* "invoices on local"; any UTF-8, escaped here */
    const char *status; /* one word: "running" */
    const struct metrics_row *rows; /* in the order of time; NULL = none */
    size_t count;
    struct progress now; /* all zero before the first start */
    bool live;           /* more is to come: the page renews itself */
};

/* Append the chart as one self-contained SVG document (UTF-8, with its XML
 * declaration, 800 x 450 user units). */
void chart_svg(struct text *out, const struct chart *c);

/* Append an HTML page with the same chart inline. */
void chart_html(struct text *out, const struct chart *c);

#endif
