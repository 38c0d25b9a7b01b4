#include "core/report/chart.h"

#include "core/basic/language.h"
#include "core/report/chart_plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The widths of texts in character cells, and of boxes in units of the SVG. */
enum {
    TITLE_MOST = 46,    /* cells of the title; more are cut off */
    TITLE_NARROW = 30,  /* the same on a narrow screen */
    STATUS_SHORT = 9,   /* cells of a status that fits the smallest box */
    STATUS_MOST = 20,   /* cells of a status; more are cut off */
    STATUS_LEAST = 104, /* width of the smallest box */
    CELL = 8            /* width that each further cell adds to the box */
};

/* What the heading over the plot shows. */
struct heading {
    const struct chart *chart;
    struct metrics_row last; /* the figures; NAN = not known */
    double best;             /* average precision, NAN = not known */
};

/* ---- text */

/* Estimates how many character cells a code point takes. */
static int cells(unsigned code)
{
    if (code >= 0x300 && code < 0x370)
        return 0; /* combining */
    return code >= 0x1100 && (code < 0x2000 || code > 0x2FFF) ? 2 : 1;
}

static bool may_be_in_xml(unsigned code)
{
    return code >= 0x20 && !(code >= 0x7F && code < 0xA0) &&
           (code & 0xFFFE) != 0xFFFE;
}

/* Prints any bytes as XML text of at most `most` cells, with an ellipsis if
 * they are cut. */
static void put_clean(struct text *out, const char *s, int most)
{
    struct text clean = TEXT_INIT;
    for (size_t left = strlen(s); left > 0;) {
        unsigned code = 0xFFFD;
        size_t size = utf8_decode(s, left, &code);
        most -= cells(code);
        if (most < 0) {
            text_puts(&clean, "\u2026");
            break;
        }
        if (size == 0)
            text_puts(&clean, "\uFFFD");
        else if (may_be_in_xml(code))
            text_add(&clean, s, size);
        s += size ? size : 1;
        left -= size ? size : 1;
    }
    text_put_escaped(out, text_string(&clean));
    text_release(&clean);
}

/* ---- heading */

/* A row without an evaluation leaves the last evaluation in place. */
static void heading_row(struct heading *h, const struct metrics_row *row)
{
    double precision = h->last.average_precision, right = h->last.accuracy;
    h->last = *row;
    if (isnan(row->average_precision)) {
        h->last.average_precision = precision;
        h->last.accuracy = right;
    }
    if (isfinite(row->average_precision))
        h->best = fmax(h->best, row->average_precision);
}

/* The heading shows the current progress, or the last row if that is not known.
 */
static struct heading heading_make(const struct chart *c)
{
    struct heading h = {c, {0, NAN, 0, NAN, NAN, NAN, NAN, NAN}, NAN};
    for (size_t i = 0; i < c->count; i++)
        heading_row(&h, &c->rows[i]);
    const struct progress *now = &c->now;
    if (now->epochs == 0)
        return h;
    h.last.epoch = (double)now->epoch;
    h.last.learning_rate = now->learning_rate;
    h.last.train_loss = now->train_loss;
    h.last.average_precision = now->average_precision;
    h.last.accuracy = now->accuracy;
    h.last.images_per_second = now->images_per_second;
    h.best = fmax(h.best, now->best_average_precision);
    return h;
}

static void put_value(struct text *out, double v, int digits, double scale,
                      const char *unit)
{
    if (!isfinite(v * scale)) {
        text_puts(out, "\u2013");
        return;
    }
    text_put_double(out, v * scale, digits);
    text_puts(out, unit);
}

/* Prints v * scale with `decimals` places, whatever the locale. */
static void put_fixed(struct text *out, double v, int decimals, double scale,
                      const char *unit)
{
    double unit_size = pow(10, decimals);
    if (!(fabs(v * scale) <= 1e9)) {
        put_value(out, v, 4, scale, unit);
        return;
    }
    long long n = llround(fabs(v * scale) * unit_size);
    long long whole = (long long)unit_size;
    text_printf(out, "%s%lld", v < 0 && n ? "-" : "", n / whole);
    if (decimals)
        text_printf(out, ".%0*lld", decimals, n % whole);
    text_puts(out, unit);
}

/* Begins a note behind a figure, in smaller letters. */
#define NOTE "<tspan class=\"note\" fill=\"#64748b\">"

static void put_unit(struct text *out, const char *unit)
{
    text_printf(out, NOTE "%s</tspan>", unit);
}

static void put_epoch(struct text *out, const struct heading *h)
{
    put_value(out, h->last.epoch, 6, 1, "");
    if (h->chart->now.epochs)
        text_printf(out, " / %llu", (unsigned long long)h->chart->now.epochs);
}

static void put_rate(struct text *out, const struct heading *h)
{
    put_value(out, h->last.learning_rate, 3, 1, "");
}

static void put_loss(struct text *out, const struct heading *h)
{
    put_value(out, h->last.train_loss, 4, 1, "");
}

static void put_precision(struct text *out, const struct heading *h)
{
    put_fixed(out, h->last.average_precision, 4, 1, "");
    if (!isfinite(h->best))
        return;
    text_printf(out, NOTE "%s", _(" best "));
    put_fixed(out, h->best, 4, 1, "</tspan>");
}

static void put_accuracy(struct text *out, const struct heading *h)
{
    put_fixed(out, h->last.accuracy, 1, 100, "");
    if (isfinite(h->last.accuracy))
        put_unit(out, " %");
}

static void put_speed(struct text *out, const struct heading *h)
{
    put_fixed(out, h->last.images_per_second, 0, 1, "");
    if (isfinite(h->last.images_per_second))
        put_unit(out, _(" images/s"));
}

static void put_left(struct text *out, const struct heading *h)
{
    double eta = h->chart->now.epochs ? h->chart->now.eta : NAN;
    if (h->chart->live && isfinite(eta))
        text_put_duration(out, fmin(eta, 3.6e6 - 1));
    else
        text_puts(out, h->chart->live ? "--:--:--" : "\u2013");
}

/* The figures of the heading; one that belongs to a line is its legend. */
static const struct figure {
    const char *name;
    int x;     /* in the wide frame, where all are in one line */
    int place; /* in the narrow one: two in a line, from 0 on */
    int line;  /* RATE, LOSS or PRECISION; -1 = it belongs to no line */
    void (*put)(struct text *out, const struct heading *h);
} figures[] = {
    {N_("Epoch"), 20, 0, -1, put_epoch},
    {N_("Learning rate"), 118, 2, RATE, put_rate},
    {N_("Train loss"), 250, 4, LOSS, put_loss},
    {N_("Average precision"), 338, 3, PRECISION, put_precision},
    {N_("Accuracy"), 500, 5, -1, put_accuracy},
    {N_("Speed"), 588, 6, -1, put_speed},
    {N_("Time left"), 690, 1, -1, put_left},
};

/* Puts the name of a figure at (x, y), and the figure below it. */
static void put_figure(struct text *out, const struct heading *h,
                       const struct figure *f, int x, int y)
{
    int name_x = x;
    if (f->line >= 0) {
        const struct chart_series *s = &chart_series[f->line];
        text_printf(out,
                    "<path class=\"line %s\" stroke=\"%s\" "
                    "d=\"M%d %dh14\"/>\n",
                    s->class, s->color, x + 1, y - 4);
        name_x += 21;
    }
    chart_put_label(out, name_x, y, "note", "#64748b", "start");
    text_printf(out, "%s</text>\n", _(f->name));
    chart_put_label(out, x, y + 22, "figure", "#0f172a", "start");
    f->put(out, h);
    text_puts(out, "</text>\n");
}

static int status_width(const char *label)
{
    size_t n = utf8_count(label, strlen(label));
    int more = n < STATUS_MOST ? (int)n - STATUS_SHORT : 0;
    return STATUS_LEAST + (more > 0 ? more * CELL : 0);
}

static void put_title(struct text *out, const struct chart *c, int width,
                      int most)
{
    text_printf(out,
                "<svg x=\"20\" y=\"8\" width=\"%d\" height=\"34\">"
                "<text class=\"heading\" fill=\"#0f172a\" x=\"0\" "
                "y=\"23\">",
                width);
    put_clean(out, c->title, most);
    text_puts(out, "</text></svg>\n");
}

/* The status in its box, which ends at the right and has its top at y. */
static void put_status(struct text *out, const struct chart *c, int right,
                       int y)
{
    int wide = status_width(c->status);
    text_printf(out,
                "<rect x=\"%d\" y=\"%d\" width=\"%d\" "
                "height=\"24\" rx=\"12\" fill=\"%s\"/>\n",
                right - wide, y, wide, c->status_color);
    chart_put_label(out, right - wide / 2.0, y + 16.5, "status", "#ffffff",
                    "middle");
    put_clean(out, c->status, STATUS_MOST);
    text_puts(out, "</text>\n");
}

static void put_heading(struct text *out, const struct heading *h)
{
    const struct chart *c = h->chart;
    int more = status_width(c->status) - STATUS_LEAST;
    put_title(out, c, 640 - more, TITLE_MOST - more / 14);
    put_status(out, c, 780, 14);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        put_figure(out, h, &figures[i], figures[i].x, 64);
}

/* The title above the status, and the figures two in a line. */
static void put_narrow_heading(struct text *out, const struct heading *h)
{
    const struct chart *c = h->chart;
    put_title(out, c, 360, TITLE_NARROW);
    put_status(out, c, 20 + status_width(c->status), 46);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        put_figure(out, h, &figures[i], figures[i].place % 2 ? 200 : 20,
                   92 + figures[i].place / 2 * 38);
}

/* Draws a bar below the figures that shows how much of the training is done. */
static void put_progress(struct text *out, const struct chart *c,
                         const struct chart_frame *frame)
{
    int y = frame->top - 20, right = frame->width - 22;
    const struct progress *now = &c->now;
    if (!c->live || now->iterations == 0)
        return;
    double done = (double)now->iteration / (double)now->iterations;
    text_printf(out,
                "<path class=\"bar grid\" stroke=\"#e2e8f0\" "
                "d=\"M22 %dH%d\"/>\n",
                y, right);
    if (done <= 0)
        return;
    text_printf(out, "<path class=\"bar\" stroke=\"#64748b\" d=\"M22 %dH", y);
    chart_put_number(out, 22 + (right - 22) * fmin(done, 1));
    text_puts(out, "\"/>\n");
}

/* ---- documents */

static const char style[] =
    "<style>\n"
    "text{font:12px system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"Liberation Sans\",\"DejaVu Sans\",sans-serif;"
    "font-variant-numeric:tabular-nums}\n"
    ".heading{font-size:19px;font-weight:600}\n"
    ".figure{font-size:15px;font-weight:600}\n"
    ".note{font-size:12px;font-weight:400}\n"
    ".status,.title{font-weight:600}\n"
    "path,circle{fill:none}\n"
    ".row{fill-opacity:0}\n"
    ".best{stroke-width:2}\n"
    ".line{stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
    ".dots{stroke-width:5;stroke-linecap:round}\n"
    ".bar{stroke-width:4;stroke-linecap:round}\n"
    "@media(prefers-color-scheme:dark){\n"
    ".paper{fill:#0f172a}.grid{stroke:#263247}\n"
    "text.heading,text.figure{fill:#f1f5f9}\n"
    ".note,text.axis{fill:#94a3b8}\n"
    "path.rate{stroke:#4ade80}text.rate{fill:#4ade80}\n"
    "path.loss{stroke:#60a5fa}text.loss{fill:#60a5fa}\n"
    "path.precision,circle.precision{stroke:#f87171}text.precision{fill:#"
    "f87171}\n"
    "}\n"
    "</style>\n";

static void put_drawing(struct text *out, const struct chart *c,
                        const struct chart_frame *frame)
{
    struct heading h = heading_make(c);
    struct chart_plot p = chart_plot_make(c, frame);
    bool narrow = frame == &chart_narrow;
    text_printf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"%s\" "
                "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                "role=\"img\">\n<title>",
                narrow ? "narrow" : "wide", frame->width, frame->height,
                frame->width, frame->height);
    put_clean(out, c->title, 1000);
    text_puts(out, ": ");
    put_clean(out, c->status, 100);
    text_printf(out,
                "</title>\n%s<rect class=\"paper\" fill=\"#ffffff\" "
                "width=\"%d\" height=\"%d\"/>\n",
                style, frame->width, frame->height);
    if (narrow)
        put_narrow_heading(out, &h);
    else
        put_heading(out, &h);
    put_progress(out, c, frame);
    chart_put_plot(out, &p);
    text_puts(out, "</svg>\n");
}

void chart_svg(struct text *out, const struct chart *c)
{
    text_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    put_drawing(out, c, &chart_wide);
}

static const char page_style[] =
    "<style>\n"
    "body{margin:0;padding:2vmin;background:#f1f5f9;color:#475569;"
    "font:13px system-ui,sans-serif}\n"
    "main{max-width:1100px;margin:auto}\n"
    "main>svg{display:block;width:100%;height:auto;"
    "border-radius:10px;box-shadow:0 1px 4px #0003}\n"
    "main>svg.narrow{display:none}\n"
    "@media(max-width:600px){main>svg.narrow{display:block}"
    "main>svg.wide{display:none}}\n"
    "p{text-align:center}\n"
    ".reason{font-size:15px;color:#0f172a;overflow-wrap:anywhere}\n"
    "@media(prefers-color-scheme:dark){"
    "body{background:#020617;color:#94a3b8}.reason{color:#f1f5f9}}\n"
    "</style>\n";

static void put_head(struct text *out, const struct chart *c)
{
    text_printf(out,
                "<!DOCTYPE html>\n<html lang=\"%s\" "
                "xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
                "<meta charset=\"utf-8\"/>\n<title>",
                language());
    put_clean(out, c->title, 1000);
    text_puts(out, ": ");
    put_clean(out, c->status, 100);
    text_printf(out,
                "</title>\n"
                "<meta name=\"viewport\" "
                "content=\"width=device-width, initial-scale=1\"/>\n"
                "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
                "<meta http-equiv=\"refresh\" content=\"%d\"/>\n%s</head>\n",
                c->live ? 2 : 10, page_style);
}

void chart_html(struct text *out, const struct chart *c)
{
    put_head(out, c);
    text_puts(out, "<body>\n<main>\n");
    put_drawing(out, c, &chart_wide);
    put_drawing(out, c, &chart_narrow);
    if (c->note && *c->note) {
        text_puts(out, "<p class=\"reason\">");
        put_clean(out, c->note, 2000);
        text_puts(out, "</p>\n");
    }
    text_printf(out, "<p>%s</p>\n</main>\n</body>\n</html>\n",
                c->live ? _("This page reloads itself every two seconds.")
                        : _("No training is running; this page notices when "
                            "one begins."));
}
