/*
 * The chart of a training as SVG text, and as a page that renews itself:
 * train loss (blue) and average precision on the test part (red) on two left
 * axes, learning rate (green) on a logarithmic right axis, over epochs;
 * current figures in the heading, which is the legend too.
 *
 * A pure function of its arguments and of the language (language.h): the same
 * chart gives the same bytes in every locale. Any thread.
 */
#ifndef PRIMO_CHART_H
#define PRIMO_CHART_H

#include "core/basic/text.h"
#include "core/shared/progress.h"

enum { CHART_POINTS = 1000 }; /* most points of one line */

struct chart {
    const char *title;        /* "invoices on local"; any bytes, cleaned here */
    const char *status;       /* the word for people, of any bytes */
    const char *status_color; /* behind that word: "#rrggbb" */
    /* In the order of time; cells not known (NAN) or not finite are left out.
     * Where there are more than CHART_POINTS, extremes are kept. */
    const struct metrics_row *rows;
    size_t count;
    struct progress now; /* epochs = 0: not known, the last row is shown */
    bool live;           /* more is to come: the page renews itself */
};

/* Append the chart as one self-contained SVG document (UTF-8, with its XML
 * declaration, 800 x 460 units, light or dark as the viewer prefers). */
void chart_svg(struct text *out, const struct chart *c);

/* Append a self-contained HTML page with the same chart; while `live`, it
 * reloads itself every two seconds. */
void chart_html(struct text *out, const struct chart *c);

#endif
