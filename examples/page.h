/*
 * An A4 page that documents are drawn onto: it writes text, rules lines and
 * fills areas, and has the random numbers that decide what a document looks
 * like. Lengths are in mm from the top left corner, sizes of type in points.
 * Whatever falls off the page is not drawn.
 */
#ifndef EXAMPLES_PAGE_H
#define EXAMPLES_PAGE_H

#include "fonts.h"
#include "picture_out.h"
#include "trainer/basic/random.h"

#define PAGE_WIDTH  210.0
#define PAGE_HEIGHT 297.0

struct ink {
    uint8_t rgb[3];
};

struct type {
    FT_Face face;
    double points;
    struct ink ink;
};

struct page {
    struct picture picture; /* RGB; its dpi says how many pixels a mm has */
    struct random random;
    struct type small, text, bold, title;
    struct ink paper, ink, accent;
    double left, right; /* the margins */
};

/* Life cycle */

/* Whether the font has all characters that page_phrase() and page_amount()
 * write. */
bool page_font_serves(FT_Face face);

/* Chooses paper, inks, type and margins, and makes the page blank. The caller
 * has set the picture and opened the random numbers; the fonts stay the
 * caller's. */
void page_start(struct page *p, const struct fonts *fonts);

/* Random choices */

double page_between(struct page *p, double low, double high);
int page_count(struct page *p, int low, int high); /* both included */
bool page_one_in(struct page *p, int n);           /* true one time in n */

/* A word; words of which the first has a capital; an amount of money. The last
 * two write into `text` and return it. */
enum { PAGE_TEXT = 80 };
const char *page_word(struct page *p);
const char *page_phrase(struct page *p, int words, char text[PAGE_TEXT]);
const char *page_amount(struct page *p, char text[PAGE_TEXT]);

/* Drawing */

int page_pixels(const struct page *p, double mm);
double page_leading(const struct type *t); /* from one line to the next */
double page_text_width(const struct page *p, const struct type *t,
                       const char *s);

/* Write a text with its baseline at y: from x on, or up to `right`. They return
 * the x at which it ends, or begins. */
double page_put(struct page *p, const struct type *t, double x, double y,
                const char *s);
double page_put_right(struct page *p, const struct type *t, double right,
                      double y, const char *s);

/* Fill an area or a ring. A `cover` of 255 hides what is below, one of 0 leaves
 * it as it is. */
void page_fill(struct page *p, double x, double y, double w, double h,
               struct ink ink, int cover);
void page_ring(struct page *p, double x, double y, double radius,
               double thickness, struct ink ink, int cover);

/* Rules a rectangle; one without height or width is a line. */
void page_frame(struct page *p, double x, double y, double w, double h);

#endif
