/*
 * The inside of a chart: its axes and lines, for chart.c alone.
 */
#ifndef PRIMO_CHART_PLOT_H
#define PRIMO_CHART_PLOT_H

#include "core/shared/chart.h"

/* The drawing, in units of the SVG. */
enum {
    WIDTH = 800,
    HEIGHT = 460,
    LEFT = 106, /* from here on: where the plot stands in the drawing */
    RIGHT = 732,
    TOP = 122,
    BOTTOM = 402,
};

/* A straight or logarithmic axis. */
struct chart_axis {
    double low, high;
    bool logarithmic;
};

/* The lines of the chart: where a row has the value, how it looks. */
enum { RATE, LOSS, PRECISION, SERIES };
struct chart_series {
    const char *class, *color, *axis_title;
    size_t offset; /* in struct metrics_row */
    int title_x;   /* where the axis's rotated title stands */
    int label_x;   /* where the axis's numbers stand */
    const char *anchor;
};
extern const struct chart_series chart_series[SERIES];

struct chart_plot {
    const struct chart *chart;
    struct chart_axis epochs;
    struct chart_axis axis[SERIES];
};

/* Read */

/* Axes that fit the chart's rows. */
struct chart_plot chart_plot_make(const struct chart *c);

/* Append */

/* Grid, axes and lines. */
void chart_put_plot(struct text *out, const struct chart_plot *p);
/* A coordinate in tenths of a unit, which is finer than a screen. */
void chart_put_number(struct text *out, double v);
/* The start tag of a text. */
void chart_put_label(struct text *out, double x, double y, const char *class,
                     const char *color, const char *anchor);

#endif
