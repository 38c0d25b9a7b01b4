/*
 * The chart of a training as SVG text, and as an HTML page that reloads itself:
 * train loss (blue) and average precision on the test part (red) on two left
 * axes, and the learning rate (green) on a logarithmic right axis, over epochs.
 * The heading has the current figures, and is the legend, too.
 *
 * A pure function of its arguments and of the language (language.h): the same
 * chart gives the same bytes in every locale. Any thread.
 */
#ifndef PRIMO_CHART_H
#define PRIMO_CHART_H

#include "core/basic/text.h"
#include "core/report/progress.h"

enum { CHART_POINTS = 1000 }; /* most points of one line */

struct chart {
    const char *title;        /* "invoices on local"; may be any bytes */
    const char *status;       /* the word for people; may be any bytes */
    const char *status_color; /* colour of the box around it: "#rrggbb" */
    const char *note; /* stage, or why it failed; "" = none; any bytes */
    /* In chronological order. Values that are not finite are left out. If there
     * are more than CHART_POINTS, the extremes are kept. */
    const struct metrics_row *rows;
    size_t count;
    struct progress now; /* .epochs 0 = unknown: the last row is shown */
    bool live;           /* the training goes on: the page reloads itself */
};

/* Append the chart as one self-contained SVG document (UTF-8, with its XML
 * declaration, 800 x 460 units, light or dark as the viewer prefers). */
void chart_svg(struct text *out, const struct chart *c);

/* Append a self-contained HTML page with the same chart and the note, and for
 * narrow screens one drawn for them. It reloads itself every two seconds while
 * `live`, and else every ten, as another training may begin. */
void chart_html(struct text *out, const struct chart *c);

#endif
