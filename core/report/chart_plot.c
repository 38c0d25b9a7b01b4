#include "core/report/chart_plot.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS = 5,   /* intervals between the lines of the grid */
    DECADES = 3, /* most decades on the logarithmic axis */
    SHORT = 50   /* up to so many epochs are always shown to the planned end */
};

struct point {
    double x, y; /* fractions of the plot's width and height */
};

const struct chart_frame chart_wide = {
    .width = 800,
    .height = 460,
    .left = 106,
    .right = 732,
    .top = 122,
    .bottom = 402,
    .label_x = {[RATE] = 741, [LOSS] = 98, [PRECISION] = 48},
    .title_x = {[RATE] = 790, [LOSS] = 64, [PRECISION] = 14},
    .marks = 12,
};
const struct chart_frame chart_narrow = {
    .width = 390,
    .height = 540,
    .left = 74,
    .right = 342,
    .top = 250,
    .bottom = 490,
    .label_x = {[RATE] = 348, [LOSS] = 68, [PRECISION] = 34},
    .marks = 6,
};

const struct chart_series chart_series[SERIES] = {
    [RATE] = {"rate", "#15803d", N_("Learning rate"),
              offsetof(struct metrics_row, learning_rate), "start"},
    [LOSS] = {"loss", "#1d4ed8", N_("Train loss"),
              offsetof(struct metrics_row, train_loss), "end"},
    [PRECISION] = {"precision", "#dc2626", N_("Average precision (test)"),
                   offsetof(struct metrics_row, average_precision), "end"},
};

/* ---- values */

static double value(const struct metrics_row *row, const struct chart_series *s)
{
    double v;
    memcpy(&v, (const char *)row + s->offset, sizeof v);
    return v;
}

static bool has_point(const struct metrics_row *row,
                      const struct chart_series *s)
{
    return isfinite(row->epoch) && row->epoch >= 0 && isfinite(value(row, s));
}

static double place(const struct chart_axis *a, double v)
{
    if (a->logarithmic && v <= 0)
        return 0;
    double at = a->logarithmic ? log10(v / a->low) / log10(a->high / a->low)
                               : (v - a->low) / (a->high - a->low);
    return at > 0 ? at < 1 ? at : 1 : 0;
}

/* The smallest of 1, 2, 2.5, 5 times a power of ten that is >= v > 0. */
static double nice(double v)
{
    static const double steps[] = {1, 2, 2.5, 5, 10};
    double unit = pow(10, floor(log10(v)));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * unit >= v * (1 - 1e-9))
            return steps[i] * unit;
    return 10 * unit;
}

/* ---- axes */

/* Finds the smallest and the largest value; false = there is none. */
static bool extent(const struct chart *c, const struct chart_series *s,
                   double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < c->count; i++) {
        if (!has_point(&c->rows[i], s))
            continue;
        *low = fmin(*low, value(&c->rows[i], s));
        *high = fmax(*high, value(&c->rows[i], s));
    }
    return *low <= *high;
}

static struct chart_axis loss_axis(const struct chart *c)
{
    double low, high;
    if (!extent(c, &chart_series[LOSS], &low, &high) || high <= 0)
        high = 1;
    high = fmin(fmax(high, 1e-6), 1e300);
    return (struct chart_axis){0, STEPS * nice(high / STEPS), false};
}

/* The axis ends at 1, and begins at 0 or, if no value is lower, nearer to 1. */
static struct chart_axis precision_axis(const struct chart *c)
{
    static const double from[] = {0.9, 0.75, 0.5};
    double low, high;
    if (extent(c, &chart_series[PRECISION], &low, &high))
        for (size_t i = 0; i < sizeof from / sizeof *from; i++)
            if (low >= from[i])
                return (struct chart_axis){from[i], 1, false};
    return (struct chart_axis){0, 1, false};
}

/* The axis has whole decades; a rate that falls to zero ends at the bottom. */
static struct chart_axis rate_axis(const struct chart *c)
{
    double low = INFINITY, high = 0;
    const struct chart_series *s = &chart_series[RATE];
    for (size_t i = 0; i < c->count; i++) {
        double v = value(&c->rows[i], s);
        if (!has_point(&c->rows[i], s) || v <= 0)
            continue;
        low = fmin(low, v);
        high = fmax(high, v);
    }
    if (high <= 0)
        return (struct chart_axis){1e-4, 0.1, true};
    double top = ceil(log10(fmin(fmax(high, 1e-12), 1e12)) - 1e-9);
    double bottom = floor(log10(fmin(fmax(low, 1e-12), 1e12)) + 1e-9);
    bottom = fmax(fmin(bottom, top - 1), top - DECADES);
    return (struct chart_axis){pow(10, bottom), pow(10, top), true};
}

/* The axis reaches to the planned end, unless most of the plot would then be
 * empty. */
static struct chart_axis epoch_axis(const struct chart *c)
{
    double last = 0, planned = (double)c->now.epochs;
    for (size_t i = 0; i < c->count; i++)
        if (isfinite(c->rows[i].epoch))
            last = fmax(last, c->rows[i].epoch);
    last = fmin(last, 1e15);
    if (!c->live || planned <= last)
        return (struct chart_axis){0, fmax(last, 1), false};
    if (planned > SHORT && last > 0 && last * 8 < planned)
        planned = fmin(planned, nice(fmax(2 * last, 10)));
    return (struct chart_axis){0, fmax(planned, 1), false};
}

struct chart_plot chart_plot_make(const struct chart *c,
                                  const struct chart_frame *frame)
{
    struct chart_plot p = {.chart = c, .frame = frame, .epochs = epoch_axis(c)};
    p.axis[RATE] = rate_axis(c);
    p.axis[LOSS] = loss_axis(c);
    p.axis[PRECISION] = precision_axis(c);
    return p;
}

/* ---- text */

void chart_put_number(struct text *out, double v)
{
    long tenths = lround(v * 10);
    text_printf(out, "%s%ld", tenths < 0 ? "-" : "", labs(tenths) / 10);
    if (tenths % 10)
        text_printf(out, ".%ld", labs(tenths) % 10);
}

static double plot_x(const struct chart_plot *p, double at)
{
    return p->frame->left + at * (p->frame->right - p->frame->left);
}

static double plot_y(const struct chart_plot *p, double at)
{
    return p->frame->bottom - at * (p->frame->bottom - p->frame->top);
}

void chart_put_label(struct text *out, double x, double y, const char *class,
                     const char *color, const char *anchor)
{
    text_printf(out, "<text class=\"%s\" fill=\"%s\" text-anchor=\"%s\" x=\"",
                class, color, anchor);
    chart_put_number(out, x);
    text_puts(out, "\" y=\"");
    chart_put_number(out, y);
    text_puts(out, "\">");
}

/* Prints 10 with a superscript exponent of one or two digits. */
static void put_power(struct text *out, int exponent)
{
    static const char *const digit[] = {"\u2070", "\u00B9", "\u00B2", "\u00B3",
                                        "\u2074", "\u2075", "\u2076", "\u2077",
                                        "\u2078", "\u2079"};
    int n = abs(exponent);
    text_printf(out, "10%s%s%s", exponent < 0 ? "\u207B" : "",
                n > 9 ? digit[n / 10 % 10] : "", digit[n % 10]);
}

/* ---- the lines */

static size_t points_collect(const struct chart_plot *p, int which,
                             struct point *points)
{
    const struct chart_series *s = &chart_series[which];
    size_t n = 0;
    for (size_t i = 0; i < p->chart->count; i++) {
        const struct metrics_row *row = &p->chart->rows[i];
        if (has_point(row, s))
            points[n++] = (struct point){place(&p->epochs, row->epoch),
                                         place(&p->axis[which], value(row, s))};
    }
    return n;
}

/* Keeps the lowest and the highest point of each of CHART_POINTS / 2 bins, in
 * their order, so that a spike stays visible where it was. */
static size_t points_thin(struct point *points, size_t n)
{
    enum { BINS = CHART_POINTS / 2 };
    if (n <= CHART_POINTS)
        return n;
    size_t kept = 0;
    for (size_t bin = 0; bin < BINS; bin++) {
        size_t from = n * bin / BINS, to = n * (bin + 1) / BINS;
        size_t low = from, high = from;
        for (size_t i = from; i < to; i++) {
            if (points[i].y < points[low].y)
                low = i;
            if (points[i].y >= points[high].y)
                high = i;
        }
        struct point first = points[low < high ? low : high];
        struct point second = points[low < high ? high : low];
        points[kept++] = first;
        points[kept++] = second;
    }
    return kept;
}

static void put_point(struct text *out, const struct chart_plot *p,
                      const struct point *at)
{
    chart_put_number(out, plot_x(p, at->x));
    text_puts(out, " ");
    chart_put_number(out, plot_y(p, at->y));
}

static void put_line(struct text *out, const struct chart_plot *p, int which,
                     struct point *room)
{
    const struct chart_series *s = &chart_series[which];
    size_t n = points_thin(room, points_collect(p, which, room));
    if (n == 0)
        return;
    text_printf(out, "<path class=\"line %s\" stroke=\"%s\" d=\"M", s->class,
                s->color);
    for (size_t i = 0; i < n; i++) {
        text_puts(out, i ? "L" : "");
        put_point(out, p, &room[i]);
    }
    /* A single point is drawn as a line of length 0. */
    text_puts(out, n > 1 ? "\"/>\n" : "h0\"/>\n");
    if (n > 60)
        return;
    text_printf(out, "<path class=\"dots %s\" stroke=\"%s\" d=\"", s->class,
                s->color);
    for (size_t i = 0; i < n; i++) {
        text_puts(out, "M");
        put_point(out, p, &room[i]);
        text_puts(out, "h0");
    }
    text_puts(out, "\"/>\n");
}

/* What a row says, shown where a pointer rests on it: a strip over the plot, as
 * wide as the way to its neighbours. Programs that show no such titles show
 * nothing. */
static void put_strip(struct text *out, const struct chart_plot *p,
                      const struct metrics_row *row, double from, double to)
{
    text_puts(out, "<rect class=\"row\" x=\"");
    chart_put_number(out, plot_x(p, from));
    text_printf(out, "\" y=\"%d\" width=\"", p->frame->top);
    chart_put_number(out, plot_x(p, to) - plot_x(p, from));
    text_printf(out, "\" height=\"%d\"><title>%s ",
                p->frame->bottom - p->frame->top, _("Epoch"));
    text_put_double(out, row->epoch, 6);
    for (int i = 0; i < SERIES; i++) {
        if (!has_point(row, &chart_series[i]))
            continue;
        text_printf(out, "\n%s: ", _(chart_series[i].axis_title));
        text_put_double(out, value(row, &chart_series[i]), 4);
    }
    text_puts(out, "</title></rect>\n");
}

/* Of a training of very many rows, some have a strip. */
static void put_strips(struct text *out, const struct chart_plot *p)
{
    enum { MOST = 100 };
    const struct chart *c = p->chart;
    size_t step = c->count / MOST + 1;
    for (size_t i = 0; i < c->count; i += step) {
        if (!isfinite(c->rows[i].epoch))
            continue;
        double at = place(&p->epochs, c->rows[i].epoch), from = 0, to = 1;
        if (i >= step && isfinite(c->rows[i - step].epoch))
            from = (place(&p->epochs, c->rows[i - step].epoch) + at) / 2;
        if (i + step < c->count && isfinite(c->rows[i + step].epoch))
            to = (place(&p->epochs, c->rows[i + step].epoch) + at) / 2;
        if (to > from)
            put_strip(out, p, &c->rows[i], from, to);
    }
}

static void put_lines(struct text *out, const struct chart_plot *p)
{
    size_t n = p->chart->count;
    struct point *room = xmalloc(sizeof *room * (n ? n : 1));
    for (int i = 0; i < SERIES; i++)
        put_line(out, p, i, room);
    free(room);
    if (n > 0)
        return;
    chart_put_label(out, plot_x(p, 0.5), plot_y(p, 0.5), "note", "#64748b",
                    "middle");
    text_printf(out, "%s</text>\n", _("No epoch is complete yet"));
}

/* ---- grid and axes */

static void put_grid(struct text *out, const struct chart_plot *p)
{
    text_puts(out, "<path class=\"grid\" stroke=\"#e2e8f0\" d=\"");
    for (int i = 0; i <= STEPS; i++) {
        text_printf(out, "M%d ", p->frame->left);
        chart_put_number(out, plot_y(p, (double)i / STEPS));
        text_printf(out, "H%d", p->frame->right);
    }
    text_puts(out, "\"/>\n");
}

static void put_axis_title(struct text *out, const struct chart_plot *p,
                           int which)
{
    const struct chart_series *s = &chart_series[which];
    int x = p->frame->title_x[which];
    int y = (p->frame->top + p->frame->bottom) / 2;
    if (!x)
        return;
    text_printf(out,
                "<text class=\"title %s\" fill=\"%s\" text-anchor=\"middle\" "
                "transform=\"translate(%d %d) rotate(-90)\">%s</text>\n",
                s->class, s->color, x, y, _(s->axis_title));
}

static void put_left_axis(struct text *out, const struct chart_plot *p,
                          int which)
{
    const struct chart_series *s = &chart_series[which];
    const struct chart_axis *a = &p->axis[which];
    for (int i = 0; i <= STEPS; i++) {
        double at = (double)i / STEPS;
        chart_put_label(out, p->frame->label_x[which], plot_y(p, at) + 4,
                        s->class, s->color, s->anchor);
        text_put_double(out, a->low + at * (a->high - a->low), 6);
        text_puts(out, "</text>\n");
    }
    put_axis_title(out, p, which);
}

/* Rates from 0.001 on are labelled as decimals, others as powers of ten. */
static void put_rate_label(struct text *out, const struct chart_plot *p,
                           int digit, int decade)
{
    const struct chart_series *s = &chart_series[RATE];
    double v = digit * pow(10, decade);
    chart_put_label(out, p->frame->label_x[RATE],
                    plot_y(p, place(&p->axis[RATE], v)) + 4, s->class, s->color,
                    s->anchor);
    if (decade >= -3 && decade <= 3)
        text_put_double(out, v, 2);
    else if (digit > 1)
        text_printf(out, "%d\u00B7", digit);
    if (decade < -3 || decade > 3)
        put_power(out, decade);
    text_puts(out, "</text>\n");
}

/* Draws whole decades with labels, and their multiples by 2 to 9 as short
 * marks. */
static void put_rate_axis(struct text *out, const struct chart_plot *p)
{
    const struct chart_series *s = &chart_series[RATE];
    const struct chart_axis *a = &p->axis[RATE];
    int low = (int)lround(log10(a->low)), high = (int)lround(log10(a->high));
    text_printf(out, "<path class=\"%s\" stroke=\"%s\" d=\"", s->class,
                s->color);
    for (int decade = low; decade <= high; decade++)
        for (int i = 1; i < (decade < high ? 10 : 2); i++) {
            text_printf(out, "M%d ", p->frame->right);
            chart_put_number(out, plot_y(p, place(a, i * pow(10, decade))));
            text_printf(out, "h%d", i == 1 ? 6 : 3);
        }
    text_puts(out, "\"/>\n");
    for (int decade = low; decade <= high; decade++)
        put_rate_label(out, p, 1, decade);
    if (high == low + 1) {
        put_rate_label(out, p, 2, low);
        put_rate_label(out, p, 5, low);
    }
    put_axis_title(out, p, RATE);
}

static void put_epoch_axis(struct text *out, const struct chart_plot *p)
{
    double step = nice(p->epochs.high / p->frame->marks);
    /* whole epochs, unless there are some within the first ones */
    if (p->epochs.high > 3 || p->chart->count == 0)
        step = step == 2.5 ? 5 : fmax(step, 1);
    int marks = (int)(p->epochs.high / step + 1e-6);
    text_printf(out, "<path class=\"axis\" stroke=\"#64748b\" d=\"M%d %dH%d",
                p->frame->left, p->frame->bottom, p->frame->right);
    for (int i = 0; i <= marks; i++) {
        text_puts(out, "M");
        put_point(out, p, &(struct point){place(&p->epochs, i * step), 0});
        text_puts(out, "v5");
    }
    text_puts(out, "\"/>\n");
    for (int i = 0; i <= marks; i++) {
        chart_put_label(out, plot_x(p, place(&p->epochs, i * step)),
                        p->frame->bottom + 19, "axis", "#475569", "middle");
        text_put_double(out, i * step, 6);
        text_puts(out, "</text>\n");
    }
    chart_put_label(out, plot_x(p, 0.5), p->frame->bottom + 42, "title axis",
                    "#475569", "middle");
    text_printf(out, "%s</text>\n", _("Epoch"));
}

static void put_axes(struct text *out, const struct chart_plot *p)
{
    put_grid(out, p);
    put_left_axis(out, p, PRECISION);
    put_left_axis(out, p, LOSS);
    put_rate_axis(out, p);
    put_epoch_axis(out, p);
}

/* Marks the epoch whose weights are the model, on the line by which it was
 * chosen. */
static void put_best(struct text *out, const struct chart_plot *p)
{
    const struct progress *now = &p->chart->now;
    double epoch = (double)now->best_epoch, v = now->best_average_precision;
    const struct chart_series *s = &chart_series[PRECISION];
    if (!now->best_epoch || !isfinite(v) || epoch > p->epochs.high)
        return;
    struct point at = {place(&p->epochs, epoch), place(&p->axis[PRECISION], v)};
    bool left = at.x > 0.6;
    text_printf(out, "<circle class=\"best %s\" stroke=\"%s\" r=\"6\" cx=\"",
                s->class, s->color);
    chart_put_number(out, plot_x(p, at.x));
    text_puts(out, "\" cy=\"");
    chart_put_number(out, plot_y(p, at.y));
    text_puts(out, "\"/>\n");
    double below = at.y > 0.9 ? 20 : -10;
    chart_put_label(out, plot_x(p, at.x) + (left ? -4 : 4),
                    plot_y(p, at.y) + below, s->class, s->color,
                    left ? "end" : "start");
    text_printf(out, _("model: epoch %llu"),
                (unsigned long long)now->best_epoch);
    text_puts(out, "</text>\n");
}

void chart_put_plot(struct text *out, const struct chart_plot *p)
{
    put_axes(out, p);
    put_lines(out, p);
    put_best(out, p);
    put_strips(out, p);
}
