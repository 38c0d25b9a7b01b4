/*
 * The inside of a chart: its axes and lines. Only chart.c uses this.
 */
#ifndef PRIMO_CHART_PLOT_H
#define PRIMO_CHART_PLOT_H

#include "core/report/chart.h"

/* The size of the drawing and the edges of the plot in it, in units of the SVG.
 */
enum {
    WIDTH = 800,
    HEIGHT = 460,
    LEFT = 106,
    RIGHT = 732,
    TOP = 122,
    BOTTOM = 402,
};

/* A linear or logarithmic axis. */
struct chart_axis {
    double low, high;
    bool logarithmic;
};

/* The lines of the chart: their values and their looks. */
enum { RATE, LOSS, PRECISION, SERIES };
struct chart_series {
    const char *class, *color, *axis_title;
    size_t offset; /* offset of the value in struct metrics_row */
    int title_x;   /* where the axis has its rotated title */
    int label_x;   /* where the axis has its numbers */
    const char *anchor;
};
extern const struct chart_series chart_series[SERIES];

struct chart_plot {
    const struct chart *chart;
    struct chart_axis epochs;
    struct chart_axis axis[SERIES];
};

/* Read */

/* Choose axes that fit the chart's rows. */
struct chart_plot chart_plot_make(const struct chart *c);

/* Append */

/* Draw grid, axes and lines. */
void chart_put_plot(struct text *out, const struct chart_plot *p);
/* Print a coordinate to a tenth of a unit, which is finer than any screen. */
void chart_put_number(struct text *out, double v);
/* Print the start tag of a text. */
void chart_put_label(struct text *out, double x, double y, const char *class,
                     const char *color, const char *anchor);

#endif
