/*
 * confusion.svg: the confusion as a heat map. A row is a truth, a column what
 * the model took it for; a cell is the darker the larger its share of the row
 * is, blue where the answer is right and red where it is not. Classes that
 * would make it unreadable are put together (matrix.h).
 */
#include "core/basic/language.h"
#include "core/evaluation/markup.h"
#include "core/evaluation/matrix.h"
#include "core/evaluation/reports_inside.h"

#include <math.h>

enum {
    CLASSES_MOST = 30, /* rows with a class of their own */
    NAME_MOST = 24,    /* characters of a name */
    LETTER = 8,        /* units that one takes */
    MARGIN = 20,
    HEAD = 74, /* height of title and legend */
    NAMED = 2, /* at least so many units between a name and the cells */
};

/* Where things are, in units of the SVG. */
struct drawing {
    const struct evaluation *e;
    struct matrix m;
    int cell;      /* side of a cell */
    int left, top; /* the corner of the first cell */
    int names;     /* width of the longest name */
    int width, height;
};

static const char *name_at(const struct drawing *d, int i)
{
    int class = d->m.classes[i];
    return class < 0 ? _("all others") : d->e->classes[class].name;
}

static int names_width(const struct drawing *d)
{
    int most = 4;
    for (int i = 0; i < d->m.side; i++) {
        int n = markup_cells(name_at(d, i), NAME_MOST);
        most = n > most ? n : most;
    }
    return most * LETTER + 10;
}

static void drawing_measure(struct drawing *d)
{
    int side = d->m.side;
    d->cell = side <= 6 ? 64 : side <= 12 ? 48 : side <= 20 ? 36 : 28;
    d->names = names_width(d);
    d->left = MARGIN + 18 + d->names;
    d->top = HEAD + 18 + d->names;
    d->width = d->left + side * d->cell + MARGIN;
    d->width = d->width < 420 ? 420 : d->width;
    d->height = d->top + side * d->cell + MARGIN;
}

static int row_sum(const struct drawing *d, int row)
{
    int sum = 0;
    for (int k = 0; k < d->m.side; k++)
        sum += matrix_count(&d->m, row, k);
    return sum;
}

static void put_cell(struct text *out, const struct drawing *d, int row,
                     int column, int sum)
{
    int n = matrix_count(&d->m, row, column), cell = d->cell;
    int x = d->left + column * cell, y = d->top + row * cell;
    double part = sum ? (double)n / sum : 0;
    text_printf(out, "<g><title>");
    markup_name(out, name_at(d, row), 200);
    text_puts(out, " \u2192 ");
    markup_name(out, name_at(d, column), 200);
    text_printf(out, ": %d (", n);
    put_percent(out, part);
    text_printf(out,
                ")</title><rect class=\"%s\" x=\"%d\" y=\"%d\" "
                "width=\"%d\" height=\"%d\"",
                !n              ? "none"
                : row == column ? "right"
                                : "wrong",
                x + 1, y + 1, cell - 2, cell - 2);
    text_puts(out, " fill-opacity=\"");
    /* The least that differs from nothing is seen. */
    text_put_double(out, n ? 0.12 + 0.88 * sqrt(part) : 0.06, 3);
    text_puts(out, "\"/>");
    if (n)
        text_printf(out,
                    "<text class=\"%s\" x=\"%g\" y=\"%g\" "
                    "text-anchor=\"middle\">%d</text>",
                    part > 0.3 ? "on" : "count", x + cell / 2.0,
                    y + cell / 2.0 + 4.5, n);
    text_puts(out, "</g>\n");
}

static void put_names(struct text *out, const struct drawing *d, int i)
{
    double middle = i * d->cell + d->cell / 2.0;
    text_printf(out,
                "<text class=\"name\" x=\"%d\" y=\"%g\" "
                "text-anchor=\"end\">",
                d->left - 6 - NAMED, d->top + middle + 4.5);
    markup_name(out, name_at(d, i), NAME_MOST);
    text_printf(out,
                "</text>\n<text class=\"name\" transform=\"translate(%g %d) "
                "rotate(-90)\">",
                d->left + middle + 4.5, d->top - 6 - NAMED);
    markup_name(out, name_at(d, i), NAME_MOST);
    text_puts(out, "</text>\n");
}

static void put_head(struct text *out, const struct drawing *d,
                     const struct figures *f)
{
    text_printf(out, "<text class=\"heading\" x=\"%d\" y=\"36\">", MARGIN);
    text_printf(out, _("%d of %d right"), f->right, f->pictures);
    text_puts(out, "<tspan class=\"note\" dx=\"10\">");
    put_percent(out, f->accuracy);
    text_printf(out, "</tspan></text>\n<text class=\"note\" x=\"%d\" y=\"60\">",
                MARGIN);
    if (d->e->class_count > CLASSES_MOST)
        text_printf(out, _("the %d of %d classes with the most mistakes"),
                    CLASSES_MOST, d->e->class_count);
    else
        text_puts(out, _("Each row is a class, each column an answer"));
    text_puts(out, "</text>\n");
}

static void put_sides(struct text *out, const struct drawing *d)
{
    double middle = d->m.side * d->cell / 2.0;
    text_printf(out,
                "<text class=\"side\" transform=\"translate(%d %g) "
                "rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
                MARGIN + 8, d->top + middle, _("truth"));
    text_printf(out,
                "<text class=\"side\" x=\"%g\" y=\"%d\" "
                "text-anchor=\"middle\">%s</text>\n",
                d->left + middle, HEAD + 12, _("predicted"));
}

static const char style[] =
    "<style>\n"
    "svg{max-width:100%;height:auto}\n"
    "text{font:12px system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"Liberation Sans\",\"DejaVu Sans\",sans-serif;fill:#334155;"
    "font-variant-numeric:tabular-nums}\n"
    "text.heading{font-size:19px;font-weight:600;fill:#0f172a}\n"
    "text.note,tspan.note{font-size:13px;font-weight:400;fill:#64748b}\n"
    "text.side{font-weight:600;fill:#64748b}\n"
    "text.on{fill:#ffffff;font-weight:600}\n"
    "text.count{fill:#0f172a}\n"
    ".paper{fill:#ffffff}\n"
    ".right{fill:#1d4ed8}.wrong{fill:#b91c1c}.none{fill:#64748b}\n"
    "@media(prefers-color-scheme:dark){\n"
    ".paper{fill:#0f172a}text{fill:#cbd5e1}\n"
    "text.heading,text.count{fill:#f1f5f9}\n"
    "text.note,tspan.note,text.side{fill:#94a3b8}\n"
    ".right{fill:#3b82f6}.wrong{fill:#ef4444}\n"
    "}\n"
    "</style>\n";

static void put_start(struct text *out, const struct drawing *d)
{
    text_printf(out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
                "height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
                "<title>%s</title>\n%s<rect class=\"paper\" width=\"%d\" "
                "height=\"%d\"/>\n",
                d->width, d->height, d->width, d->height,
                _("What the model takes for what"), style, d->width, d->height);
}

void put_confusion_svg(struct text *out, const struct evaluation *e,
                       const struct figures *f)
{
    struct drawing d = {.e = e};
    matrix_make(&d.m, e, f, CLASSES_MOST);
    drawing_measure(&d);
    put_start(out, &d);
    put_head(out, &d, f);
    put_sides(out, &d);
    for (int i = 0; i < d.m.side; i++) {
        int sum = row_sum(&d, i);
        put_names(out, &d, i);
        for (int k = 0; k < d.m.side; k++)
            put_cell(out, &d, i, k, sum);
    }
    text_puts(out, "</svg>\n");
    matrix_release(&d.m);
}
