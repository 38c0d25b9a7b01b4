/*
 * mistakes.html: the wrong answers as a page, the most certain first, with the
 * thumbnails inside, so that the file can be sent to somebody. It runs no
 * scripts and loads nothing.
 */
#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/evaluation/markup.h"
#include "core/evaluation/reports_inside.h"

#include <stdlib.h>

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--paper:#f1f5f9;--card:#ffffff;"
    "--ink:#0f172a;--soft:#64748b;--bad:#b91c1c;--good:#15803d;"
    "--frame:#e2e8f0}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#020617;--card:#0f172a;"
    "--ink:#f1f5f9;--soft:#94a3b8;--bad:#f87171;--good:#4ade80;"
    "--frame:#1e293b}}\n"
    "body{margin:0;padding:24px 16px;background:var(--paper);"
    "color:var(--ink);font:14px/1.4 system-ui,-apple-system,\"Segoe UI\","
    "Roboto,\"Liberation Sans\",\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:1100px;margin:auto}\n"
    "h1{font-size:20px;margin:0 0 4px}\n"
    "main>p{color:var(--soft);margin:0 0 20px;max-width:70ch}\n"
    "ol{list-style:none;margin:0;padding:0;display:grid;gap:12px;"
    "grid-template-columns:repeat(auto-fill,minmax(230px,1fr))}\n"
    "li{background:var(--card);border:1px solid var(--frame);"
    "border-radius:10px;padding:12px;min-width:0}\n"
    "figure{margin:0 0 10px;height:160px;display:flex;align-items:center;"
    "justify-content:center;color:var(--soft)}\n"
    "img{max-width:100%;height:160px;width:auto;object-fit:contain;"
    "border-radius:4px}\n"
    "dl{margin:0;display:grid;grid-template-columns:auto 1fr auto;"
    "gap:2px 8px}\n"
    "dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}\n"
    "dd.share{text-align:right;font-variant-numeric:tabular-nums}\n"
    "dd.bad{color:var(--bad);font-weight:600}\n"
    "dd.good{color:var(--good);font-weight:600}\n"
    "li>p{color:var(--soft);font-size:12px;margin:8px 0 0;"
    "overflow-wrap:anywhere}\n"
    "@media(max-width:560px){ol{grid-template-columns:1fr}}\n"
    "@media print{body{background:none;padding:0}"
    "li{break-inside:avoid}}\n"
    "</style>\n";

enum { NAME_MOST = 200 };

static void put_head(struct text *out)
{
    put_page(out, 0);
    text_printf(out, "%s</title>\n%s</head>\n<body>\n<main>\n<h1>%s</h1>\n",
                _("Wrong answers"), style, _("Wrong answers"));
}

static void put_summary(struct text *out, const struct figures *f, int count,
                        int shown)
{
    text_puts(out, "<p>");
    text_printf(out,
                P_("%d of %d test picture was answered wrongly.",
                   "%d of %d test pictures were answered wrongly.",
                   (unsigned long)f->pictures),
                count, f->pictures);
    if (shown < count)
        text_printf(out,
                    _(" Here are the %d of which the model was most "
                      "certain; mistakes.csv has all."),
                    shown);
    else if (count)
        text_puts(out, _(" Those of which the model was most certain come "
                         "first: they are often mistakes in the folders."));
    text_puts(out, "</p>\n");
}

static void put_answer(struct text *out, const char *label, const char *kind,
                       const char *name, double share)
{
    text_printf(out, "<dt>%s</dt><dd class=\"%s\">", label, kind);
    markup_name(out, name, NAME_MOST);
    text_puts(out, "</dd><dd class=\"share\">");
    if (share >= 0)
        put_percent(out, share);
    text_puts(out, "</dd>\n");
}

static void put_picture(struct text *out, const struct thumbnail *t)
{
    text_puts(out, "<li>\n<figure>");
    if (t)
        text_printf(out,
                    "<img alt=\"\" width=\"%d\" height=\"%d\" "
                    "src=\"data:image/jpeg;base64,%s\">",
                    t->width, t->height, t->base64);
    else
        text_puts(out, _("no thumbnail"));
    text_puts(out, "</figure>\n");
}

static void put_mistake(struct text *out, const struct evaluation *e,
                        const struct evaluated *p, const struct thumbnail *t)
{
    const struct evaluated_class *classes = e->classes;
    put_picture(out, t);
    text_puts(out, "<dl>\n");
    put_answer(out, _("answer"), "bad", classes[p->predicted].name,
               p->confidence);
    put_answer(out, _("truth"), "good", classes[p->truth].name,
               p->second == p->truth ? p->second_confidence : -1);
    if (p->second != p->truth)
        put_answer(out, _("second"), "", classes[p->second].name,
                   p->second_confidence);
    text_puts(out, "</dl>\n<p>");
    markup_name(out, p->path, 4 * NAME_MOST);
    text_puts(out, "</p>\n</li>\n");
}

/* The thumbnails by the numbers of their pictures. */
static const struct thumbnail **thumbnails_sort(const struct evaluation *e)
{
    const struct thumbnail **of =
        xcalloc((size_t)e->picture_count + 1, sizeof(void *));
    for (int i = 0; i < e->thumbnail_count; i++)
        of[e->thumbnails[i].picture] = &e->thumbnails[i];
    return of;
}

void put_mistakes_html(struct text *out, const struct evaluation *e,
                       const struct figures *f)
{
    int count, *list = evaluation_mistakes(e, &count);
    int shown = count < THUMBNAILS_MOST ? count : THUMBNAILS_MOST;
    const struct thumbnail **of = thumbnails_sort(e);
    put_head(out);
    put_summary(out, f, count, shown);
    text_puts(out, "<ol>\n");
    for (int i = 0; i < shown; i++)
        put_mistake(out, e, &e->pictures[list[i]], of[list[i]]);
    text_puts(out, "</ol>\n</main>\n</body>\n</html>\n");
    free(of);
    free(list);
}
