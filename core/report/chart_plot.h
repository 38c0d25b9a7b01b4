/*
 * The inside of a chart: its axes and lines. Only chart.c uses this.
 */
#ifndef PRIMO_CHART_PLOT_H
#define PRIMO_CHART_PLOT_H

#include "core/report/chart.h"

/* The lines of the chart. */
enum { RATE, LOSS, PRECISION, SERIES };

/* The size of the drawing and the edges of the plot in it, in units of the SVG:
 * one for wide screens and paper, and one for a telephone held upright. */
struct chart_frame {
    int width, height, left, right, top, bottom;
    int label_x[SERIES]; /* where the axes have their numbers */
    int title_x[SERIES]; /* where they have rotated titles; 0 = they have none
                          */
    int marks;           /* about so many numbers on the axis of epochs */
};
extern const struct chart_frame chart_wide, chart_narrow;

/* A linear or logarithmic axis. */
struct chart_axis {
    double low, high;
    bool logarithmic;
};

/* The values and the looks of a line. */
struct chart_series {
    const char *class, *color, *axis_title;
    size_t offset; /* offset of the value in struct metrics_row */
    const char *anchor;
};
extern const struct chart_series chart_series[SERIES];

struct chart_plot {
    const struct chart *chart;
    const struct chart_frame *frame;
    struct chart_axis epochs;
    struct chart_axis axis[SERIES];
};

/* Read */

/* Choose axes that fit the chart's rows. */
struct chart_plot chart_plot_make(const struct chart *c,
                                  const struct chart_frame *frame);

/* Append */

/* Draw grid, axes and lines. */
void chart_put_plot(struct text *out, const struct chart_plot *p);
/* Print a coordinate to a tenth of a unit, which is finer than any screen. */
void chart_put_number(struct text *out, double v);
/* Print the start tag of a text. */
void chart_put_label(struct text *out, double x, double y, const char *class,
                     const char *color, const char *anchor);

#endif
