#include "page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include FT_ADVANCES_H

static const char words[][9] = {
    "account",  "after",    "agreed",  "all",      "amount",   "and",
    "annual",   "as",       "balance", "board",    "by",       "city",
    "contract", "costs",    "date",    "delivery", "during",   "each",
    "energy",   "enclosed", "first",   "for",      "from",     "has",
    "have",     "in",       "is",      "last",     "market",   "meeting",
    "members",  "more",     "new",     "north",    "number",   "of",
    "office",   "on",       "order",   "other",    "our",      "paid",
    "paper",    "period",   "please",  "price",    "question", "rate",
    "region",   "results",  "sales",   "second",   "service",  "since",
    "street",   "that",     "the",     "to",       "under",    "water",
    "we",       "will",     "with",    "year",     "you",      "your"};

/* Life cycle */

bool page_font_serves(FT_Face face)
{
    static const char needed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789.,:";
    for (const char *c = needed; *c; c++)
        if (!font_draws(face, (uint32_t)*c))
            return false;
    return true;
}

/* A random upright face, bold or not; any face, where there is no such one. */
static FT_Face choose_face(struct page *p, const struct fonts *fonts, bool bold)
{
    FT_Long wanted = bold ? FT_STYLE_FLAG_BOLD : 0;
    int start = page_count(p, 0, fonts->count - 1);
    for (int i = 0; i < fonts->count; i++) {
        FT_Face face = fonts->faces[(start + i) % fonts->count];
        if (face->style_flags == wanted)
            return face;
    }
    return fonts->faces[start];
}

static struct ink choose_ink(struct page *p, int low, int high)
{
    struct ink ink;
    for (int i = 0; i < 3; i++)
        ink.rgb[i] = (uint8_t)page_count(p, low, high);
    return ink;
}

static struct ink choose_paper(struct page *p)
{
    struct ink ink = choose_ink(p, 0, 4);
    int grey = page_count(p, 236, 250);
    for (int i = 0; i < 3; i++)
        ink.rgb[i] = (uint8_t)(ink.rgb[i] + grey - 4 * (i == 2));
    return ink;
}

void page_start(struct page *p, const struct fonts *fonts)
{
    p->paper = choose_paper(p);
    p->ink = choose_ink(p, 20, 60);
    p->accent = choose_ink(p, 20, 170);
    FT_Face text = choose_face(p, fonts, false);
    FT_Face bold = choose_face(p, fonts, true);
    double points = page_between(p, 9, 11.5);
    p->small = (struct type){text, points * 0.75, p->ink};
    p->text = (struct type){text, points, p->ink};
    p->bold = (struct type){bold, points * page_between(p, 1, 1.2), p->ink};
    p->title = (struct type){bold, points * page_between(p, 1.6, 2.4), p->ink};
    if (page_one_in(p, 3))
        p->title.ink = p->accent;
    p->left = page_between(p, 17, 27);
    p->right = PAGE_WIDTH - page_between(p, 15, 25);
    size_t size = (size_t)p->picture.width * p->picture.height * 3;
    for (size_t i = 0; i < size; i += 3)
        memcpy(p->picture.pixels + i, p->paper.rgb, 3);
}

/* Random choices */

double page_between(struct page *p, double low, double high)
{
    return random_uniform(&p->random, (float)low, (float)high);
}

int page_count(struct page *p, int low, int high)
{
    return low + (int)random_below(&p->random, (uint32_t)(high - low + 1));
}

bool page_one_in(struct page *p, int n)
{
    return random_below(&p->random, (uint32_t)n) == 0;
}

const char *page_word(struct page *p)
{
    return words[random_below(&p->random, sizeof words / sizeof *words)];
}

const char *page_phrase(struct page *p, int count, char text[PAGE_TEXT])
{
    int size = 0;
    for (int i = 0; i < count && size < PAGE_TEXT - 10; i++)
        size += snprintf(text + size, (size_t)(PAGE_TEXT - size), "%s%s",
                         i ? " " : "", page_word(p));
    text[0] = (char)(text[0] - 'a' + 'A');
    return text;
}

const char *page_amount(struct page *p, char text[PAGE_TEXT])
{
    int most = page_one_in(p, 3) ? 4999 : 199;
    int whole = page_count(p, 1, most), cents = page_count(p, 0, 99);
    snprintf(text, PAGE_TEXT, "%d.%02d", whole, cents);
    return text;
}

/* Drawing */

int page_pixels(const struct page *p, double mm)
{
    return (int)lround(mm * p->picture.dpi / 25.4);
}

static void blend(struct page *p, int x, int y, struct ink ink, int cover)
{
    const struct picture *to = &p->picture;
    if (x < 0 || y < 0 || x >= to->width || y >= to->height)
        return;
    uint8_t *at = to->pixels + 3 * ((size_t)y * to->width + x);
    for (int i = 0; i < 3; i++)
        at[i] = (uint8_t)(at[i] + (ink.rgb[i] - at[i]) * cover / 255);
}

void page_fill(struct page *p, double x, double y, double w, double h,
               struct ink ink, int cover)
{
    int right = page_pixels(p, x + w), bottom = page_pixels(p, y + h);
    for (int v = page_pixels(p, y); v < bottom; v++)
        for (int u = page_pixels(p, x); u < right; u++)
            blend(p, u, v, ink, cover);
}

void page_ring(struct page *p, double x, double y, double radius,
               double thickness, struct ink ink, int cover)
{
    int r = page_pixels(p, radius), hole = page_pixels(p, radius - thickness);
    int left = page_pixels(p, x), top = page_pixels(p, y);
    for (int v = -r; v <= r; v++)
        for (int u = -r; u <= r; u++)
            if (u * u + v * v <= r * r && u * u + v * v >= hole * hole)
                blend(p, left + u, top + v, ink, cover);
}

void page_frame(struct page *p, double x, double y, double w, double h)
{
    /* at least a pixel, so that no line is lost at few dots an inch */
    double thin = fmax(0.25, 25.5 / p->picture.dpi);
    page_fill(p, x, y, w + thin, thin, p->ink, 255);
    page_fill(p, x, y, thin, h + thin, p->ink, 255);
    if (w > 0 && h > 0) {
        page_fill(p, x, y + h, w + thin, thin, p->ink, 255);
        page_fill(p, x + w, y, thin, h + thin, p->ink, 255);
    }
}

/* Text */

double page_leading(const struct type *t)
{
    return t->points * 25.4 / 72 * 1.3;
}

static void set_size(const struct page *p, const struct type *t)
{
    FT_UInt dpi = (FT_UInt)p->picture.dpi;
    FT_Set_Char_Size(t->face, 0, lround(t->points * 64), dpi, dpi);
}

double page_text_width(const struct page *p, const struct type *t,
                       const char *s)
{
    FT_Fixed all = 0, one;
    set_size(p, t);
    for (; *s; s++)
        if (!FT_Get_Advance(t->face, FT_Get_Char_Index(t->face, (FT_ULong)*s),
                            FT_LOAD_NO_HINTING, &one))
            all += one;
    return (double)all / 0x10000 * 25.4 / p->picture.dpi;
}

static void blend_glyph(struct page *p, FT_GlyphSlot g, struct ink ink, int x,
                        int y)
{
    const FT_Bitmap *b = &g->bitmap;
    for (int v = 0; v < (int)b->rows; v++)
        for (int u = 0; u < (int)b->width; u++)
            blend(p, x + g->bitmap_left + u, y - g->bitmap_top + v, ink,
                  b->buffer[v * b->pitch + u]);
}

double page_put(struct page *p, const struct type *t, double x, double y,
                const char *s)
{
    FT_Pos start = 64 * page_pixels(p, x), pen = start;
    set_size(p, t);
    for (; *s; s++) {
        if (FT_Load_Char(t->face, (FT_ULong)*s,
                         FT_LOAD_RENDER | FT_LOAD_NO_HINTING))
            continue;
        blend_glyph(p, t->face->glyph, t->ink, (int)(pen / 64),
                    page_pixels(p, y));
        pen += t->face->glyph->advance.x;
    }
    return x + (double)(pen - start) / 64 * 25.4 / p->picture.dpi;
}

double page_put_right(struct page *p, const struct type *t, double right,
                      double y, const char *s)
{
    double x = right - page_text_width(p, t, s);
    page_put(p, t, x, y, s);
    return x;
}
