#include "papers.h"

#include <math.h>
#include <stdio.h>

/* Where everything but the footer has to end, in mm from the top. */
static const double BOTTOM = 272;

/* Elements of a page. One that returns a double has drawn something at y, and
 * returns the y at which the next element may begin. */

static double put_phrase(struct page *p, const struct type *t, double x,
                         double y, int words)
{
    char text[PAGE_TEXT];
    page_put(p, t, x, y, page_phrase(p, words, text));
    return y + page_leading(t);
}

/* Writes a line of at most `most` words, as many as fit. `start` says whether
 * the first word begins a sentence; returns whether the word after the last one
 * does. */
static bool put_line(struct page *p, const struct type *t, double x, double y,
                     double right, int most, bool start)
{
    char text[PAGE_TEXT];
    double space = page_text_width(p, t, " ");
    for (; most > 0; most--) {
        const char *s = start ? page_phrase(p, 1, text) : page_word(p);
        if (x + page_text_width(p, t, s) > right)
            return start;
        x = page_put(p, t, x, y, s);
        start = page_one_in(p, 12);
        if (start)
            x = page_put(p, t, x, y, ".");
        x += space;
    }
    return start;
}

static double paragraph(struct page *p, double x, double y, double width,
                        int lines)
{
    double step = page_leading(&p->text);
    bool start = true;
    for (int i = 1; i <= lines; i++, y += step)
        start = put_line(p, &p->text, x, y, x + width,
                         i == lines ? page_count(p, 2, 6) : 100, start);
    return y + 0.6 * step;
}

/* Lines of a few words each, such as an address or a sender. */
static double block(struct page *p, const struct type *t, double x, double y,
                    int lines)
{
    for (int i = 0; i < lines; i++)
        y = put_phrase(p, t, x, y, page_count(p, 1, 3));
    return y;
}

/* An address where the window of an envelope would show it. */
static void address(struct page *p)
{
    double y = page_between(p, 52, 60);
    block(p, &p->text, p->left, y, page_count(p, 3, 5));
}

/* A label at x and an amount at the right margin. */
static double pair(struct page *p, const struct type *t, double x, double y)
{
    char text[PAGE_TEXT];
    page_put(p, t, x, y, page_phrase(p, 1, text));
    page_put_right(p, t, p->right, y, page_amount(p, text));
    return y + 1.2 * page_leading(t);
}

static void cells(struct page *p, const struct type *t, double x, double y,
                  const double width[2], int columns, bool head)
{
    char text[PAGE_TEXT];
    put_line(p, t, x + 1, y, x + width[0] - 2, page_count(p, 1, 4), true);
    for (int c = 1; c < columns; c++)
        page_put_right(p, t, x + width[0] + c * width[1] - 1, y,
                       head ? page_phrase(p, 1, text) : page_amount(p, text));
}

static double table(struct page *p, double x, double y, double width,
                    int columns, int rows)
{
    double first = width * page_between(p, 0.3, 0.5);
    double widths[] = {first, (width - first) / (columns - 1)};
    double step = page_leading(&p->small) * page_between(p, 1.3, 2);
    bool lines = page_one_in(p, 2);
    page_fill(p, x, y, width, step, p->accent, 60);
    for (int r = 0; r <= rows; r++) {
        cells(p, &p->small, x, y + (r + 0.7) * step, widths, columns, !r);
        if (lines)
            page_frame(p, x, y + r * step, width, 0);
    }
    for (int c = 0; c < columns - 1; c++)
        page_frame(p, x + first + c * widths[1], y, 0, (rows + 1) * step);
    page_frame(p, x, y, width, (rows + 1) * step);
    return y + (rows + 1) * step + 7;
}

static double chart(struct page *p, double x, double y, double width)
{
    double height = width * page_between(p, 0.35, 0.6);
    int bars = page_count(p, 4, 9);
    double step = width / bars;
    page_frame(p, x, y, width, height);
    for (int i = 0; i < bars; i++) {
        double h = height * page_between(p, 0.1, 0.9);
        page_fill(p, x + (i + 0.2) * step, y + height - h, 0.6 * step, h,
                  p->accent, 200);
    }
    y += height + page_leading(&p->small);
    return put_phrase(p, &p->small, x, y, 5) + page_leading(&p->text);
}

static void logo(struct page *p, double x, double y)
{
    double size = page_between(p, 10, 18);
    if (page_one_in(p, 2))
        page_fill(p, x, y, size, size, p->accent, 230);
    else
        page_ring(p, x + size / 2, y + size / 2, size / 2, size * 0.3,
                  p->accent, 230);
    put_phrase(p, &p->bold, x + size + 3, y + size / 2, page_count(p, 1, 2));
}

static void stamp(struct page *p, double x, double y)
{
    static const struct ink inks[] = {{{40, 50, 150}}, {{170, 40, 40}}};
    struct type type = p->bold;
    type.ink = inks[page_count(p, 0, 1)];
    double radius = page_between(p, 11, 16);
    page_ring(p, x, y, radius, 0.9, type.ink, 150);
    page_ring(p, x, y, radius - 2, 0.4, type.ink, 150);
    put_phrase(p, &type, x - 0.6 * radius, y + 1, 1);
}

static void signature(struct page *p, double x, double y)
{
    static const struct ink pen = {{30, 40, 120}};
    double a = page_between(p, 9, 16), b = page_between(p, 20, 40);
    double width = page_between(p, 25, 45);
    for (double t = 0; t < 1; t += 0.0005)
        page_fill(p, x + width * t + 2 * sin(a * t * 3),
                  y + 4 * (1 - t) * sin(b * t) + 2 * sin(a * t), 0.5, 0.5, pen,
                  200);
}

static void footer(struct page *p)
{
    double step = (p->right - p->left) / 3;
    page_frame(p, p->left, 278, p->right - p->left, 0);
    for (int i = 0; i < 3; i++)
        block(p, &p->small, p->left + i * step, 282, 2);
}

/* Fields of a form: a box with its label, a row of boxes for one digit each,
 * and boxes to tick. */

static void field_box(struct page *p, double x, double y, double w)
{
    page_frame(p, x, y, w, 10);
    put_phrase(p, &p->small, x + 1, y + 3, 1);
    if (!page_one_in(p, 3))
        put_line(p, &p->text, x + 3, y + 8, x + w - 2, page_count(p, 1, 3),
                 true);
}

static void field_comb(struct page *p, double x, double y, double w)
{
    put_phrase(p, &p->small, x, y + 3, 1);
    char digit[2] = "0";
    for (double at = x; at + 5 <= x + w; at += 5) {
        page_frame(p, at, y + 4, 5, 6);
        digit[0] = (char)('0' + page_count(p, 0, 9));
        page_put(p, &p->text, at + 1.5, y + 8.7, digit);
    }
}

static void field_ticks(struct page *p, double x, double y, double w)
{
    for (double at = x; at + 25 < x + w; at += 30) {
        page_frame(p, at, y + 4, 4, 4);
        if (page_one_in(p, 3))
            page_put(p, &p->bold, at + 0.7, y + 7.5, "X");
        put_phrase(p, &p->text, at + 6, y + 7.5, 1);
    }
}

static double fields(struct page *p, double y)
{
    static void (*const kinds[])(struct page *, double, double, double) = {
        field_box, field_box, field_comb, field_ticks};
    int count = page_count(p, 1, 3);
    double step = (p->right - p->left) / count;
    for (int i = 0; i < count; i++)
        kinds[page_count(p, 0, 3)](p, p->left + i * step, y, step - 3);
    return y + page_between(p, 12, 15);
}

/* The kinds of documents */

static void draw_letter(struct page *p)
{
    double width = p->right - p->left;
    if (!page_one_in(p, 3))
        logo(p, page_one_in(p, 2) ? p->left : p->right - 50, 15);
    block(p, &p->small, p->left, page_between(p, 42, 48), 1);
    address(p);
    double y = page_between(p, 90, 105);
    put_phrase(p, &p->text, p->right - 45, y - 6, 3);
    y = put_phrase(p, &p->bold, p->left, y + 4, page_count(p, 3, 6)) + 6;
    y = put_phrase(p, &p->text, p->left, y, 3) + 4;
    for (int i = page_count(p, 2, 5); i && y < 215; i--)
        y = paragraph(p, p->left, y, width, page_count(p, 2, 7));
    y = put_phrase(p, &p->text, p->left, y + 2, 2);
    signature(p, p->left + page_between(p, 0, 10), y + 6);
    block(p, &p->text, p->left, y + 18, 2);
    if (page_one_in(p, 4))
        stamp(p, p->left + 90, y + 8);
    if (!page_one_in(p, 3))
        footer(p);
}

static void draw_invoice(struct page *p)
{
    double width = p->right - p->left;
    logo(p, page_one_in(p, 2) ? p->left : p->right - 50, 15);
    address(p);
    double y = page_between(p, 45, 58);
    for (int i = page_count(p, 2, 5); i; i--)
        y = pair(p, &p->text, p->right - 60, y);
    y = page_between(p, 92, 102);
    y = put_phrase(p, &p->title, p->left, y, page_count(p, 1, 2));
    int columns = page_count(p, 3, 6);
    y = table(p, p->left, y, width, columns, page_count(p, 3, 15));
    for (int i = page_count(p, 2, 4); i; i--)
        y = pair(p, i == 1 ? &p->bold : &p->text, p->right - 65, y);
    page_frame(p, p->right - 65, y - 3, 65, 0);
    if (y < 240)
        y = paragraph(p, p->left, y + 8, width, page_count(p, 1, 4));
    if (page_one_in(p, 3))
        stamp(p, p->left + page_between(p, 20, 60), y - 8);
    footer(p);
}

static void draw_form(struct page *p)
{
    double width = p->right - p->left, y = page_between(p, 20, 28);
    if (page_one_in(p, 2))
        logo(p, p->right - 45, 12);
    y = put_phrase(p, &p->title, p->left, y, page_count(p, 1, 2));
    y = paragraph(p, p->left, y + 3, width, page_count(p, 1, 4));
    for (int end = page_count(p, 150, 195); y < end;) {
        page_fill(p, p->left, y, width, 6, p->accent, 90);
        put_phrase(p, &p->bold, p->left + 2, y + 4.5, page_count(p, 1, 3));
        y += 10;
        for (int i = page_count(p, 1, 4); i; i--)
            y = fields(p, y);
    }
    page_frame(p, p->left, BOTTOM - 10, 60, 0);
    put_phrase(p, &p->small, p->left, BOTTOM - 6, 2);
    if (!page_one_in(p, 3))
        signature(p, p->left + 8, BOTTOM - 14);
    if (page_one_in(p, 4))
        stamp(p, p->right - 30, BOTTOM - 14);
}

static void fill_column(struct page *p, double x, double y, double width)
{
    double step = page_leading(&p->text);
    while (y < BOTTOM - 4 * step) {
        if (page_one_in(p, 8) && y < BOTTOM - width - 20)
            y = chart(p, x, y, width);
        else if (page_one_in(p, 12) && y < BOTTOM - 90)
            y = table(p, x, y, width, 3, page_count(p, 3, 6));
        if (page_one_in(p, 2))
            y = put_phrase(p, &p->bold, x, y, 3) + 1.5;
        int most = (int)fmin(12, (BOTTOM - y) / step);
        y = paragraph(p, x, y, width, page_count(p, 1, most));
    }
}

static void draw_report(struct page *p)
{
    double width = p->right - p->left, y = page_between(p, 24, 32);
    put_phrase(p, &p->small, p->left, 14, 4);
    page_frame(p, p->left, 16, width, 0);
    if (!page_one_in(p, 3)) {
        y = put_phrase(p, &p->title, p->left, y, page_count(p, 2, 4)) + 1;
        y = put_phrase(p, &p->text, p->left, y, page_count(p, 2, 5)) + 6;
    }
    int columns = page_count(p, 1, 2);
    double step = (width + 6) / columns;
    for (int i = 0; i < columns; i++)
        fill_column(p, p->left + i * step, y, step - 6);
    char number[PAGE_TEXT];
    snprintf(number, sizeof number, "%d", page_count(p, 2, 99));
    page_put(p, &p->small, PAGE_WIDTH / 2, 284, number);
}

const struct paper papers[] = {{"letter", draw_letter},
                               {"invoice", draw_invoice},
                               {"form", draw_form},
                               {"report", draw_report},
                               {0}};
