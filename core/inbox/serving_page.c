/*
 * monitor.html of a service: how it does, and its last answers with small
 * pictures, which lead to those in in/ beside it. It renews itself, runs no
 * scripts, and shows to each user the requests that he may see.
 */
#include "core/basic/language.h"
#include "core/evaluation/markup.h"
#include "core/inbox/request.h"
#include "core/inbox/serving.h"
#include "core/inbox/thumbnail.h"
#include "core/process/show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ANSWERS_MOST = 24,           /* that are shown, of */
    ROWS_MOST = THUMBNAILS_KEPT, /* the last rows of all users */
    ROW_BYTES = 4096,            /* longest row that is shown */
    NAME_MOST = 60,
    RENEW_SECONDS = 5,
};

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--paper:#f1f5f9;--card:#ffffff;"
    "--ink:#0f172a;--soft:#64748b;--ok:#15803d;--check:#c2410c;"
    "--unknown:#b91c1c;--frame:#e2e8f0}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#020617;--card:#0f172a;"
    "--ink:#f1f5f9;--soft:#94a3b8;--ok:#4ade80;--check:#fb923c;"
    "--unknown:#f87171;--frame:#1e293b}}\n"
    "body{margin:0;padding:24px 16px;background:var(--paper);"
    "color:var(--ink);font:14px/1.4 system-ui,-apple-system,\"Segoe UI\","
    "Roboto,\"Liberation Sans\",\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:1100px;margin:auto}\n"
    "h1{font-size:20px;margin:0 0 4px;overflow-wrap:anywhere}\n"
    "main>p{color:var(--soft);margin:0 0 16px;overflow-wrap:anywhere}\n"
    "ul,ol{list-style:none;margin:0 0 20px;padding:0;display:grid;gap:12px}\n"
    "ul{grid-template-columns:repeat(6,1fr)}\n"
    "ol{grid-template-columns:repeat(auto-fill,minmax(200px,1fr))}\n"
    "li{background:var(--card);border:1px solid var(--frame);"
    "border-radius:10px;padding:12px;min-width:0}\n"
    "ul b{display:block;font-size:20px;font-variant-numeric:tabular-nums}\n"
    "ul span,ol small{color:var(--soft)}\n"
    "ol small{display:block;overflow-wrap:anywhere}\n"
    "figure{margin:0 0 10px;height:120px;padding:8px;display:flex;"
    "align-items:center;justify-content:center;color:var(--soft);"
    "background:var(--paper);border-radius:6px;overflow:hidden}\n"
    "figure a{width:100%;height:100%}\n"
    "img{width:100%;height:100%;object-fit:contain}\n"
    "ol p{margin:0 0 4px;display:flex;justify-content:space-between;gap:8px;"
    "font-weight:600}\n"
    "ol p span{overflow-wrap:anywhere}\n"
    "li.ok{border-top:4px solid var(--ok)}.ok p{color:var(--ok)}\n"
    "li.check{border-top:4px solid var(--check)}.check p{color:var(--check)}\n"
    "li.unknown,li.error{border-top:4px solid var(--unknown)}\n"
    ".unknown p,.error p{color:var(--unknown)}\n"
    "@media(max-width:900px){ul{grid-template-columns:repeat(3,1fr)}}\n"
    "@media(max-width:560px){ul,ol{grid-template-columns:1fr 1fr}}\n"
    "</style>\n";

/* The columns of results.csv. */
enum cell {
    CELL_TIME,
    CELL_FILE,
    CELL_REVISION,
    CELL_PAGE,
    CELL_CLASS,
    CELL_CONFIDENCE,
    CELL_STATE,
    CELL_MODEL,
    CELL_MILLISECONDS,
    CELL_ERROR,
    CELLS,
};

/* Cuts a row of CSV into its cells, in place. False = it has fewer. */
static bool row_cut(char *row, char *cells[CELLS])
{
    for (int i = 0; i < CELLS; i++) {
        bool quoted = *row == '"';
        char *to = cells[i] = row += quoted;
        while (*row && (quoted || (*row != ',' && *row != '\n'))) {
            if (quoted && *row == '"' && *++row != '"')
                break;
            *to++ = *row++;
        }
        bool more = *row == ',';
        row += *row != 0;
        *to = 0;
        if (!more)
            return i == CELLS - 1;
    }
    return true;
}

/* The word of a state, for people. */
static const char *state_word(const char *state)
{
    return !strcmp(state, "ok")      ? _("sure")
           : !strcmp(state, "check") ? _("to be checked")
           : !strcmp(state, "error") ? _("not readable")
                                     : _("not recognised");
}

/* A name as a part of an address. */
static void put_address(struct text *out, const char *name)
{
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                     (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
        if (plain)
            text_add(out, name, 1);
        else
            text_printf(out, "%%%02X", c);
    }
}

static void put_class(struct text *out, char *const cells[CELLS])
{
    double share;
    bool error = !strcmp(cells[CELL_STATE], "error");
    text_puts(out, "<p><span>");
    markup_name(out, error ? state_word("error") : cells[CELL_CLASS],
                NAME_MOST);
    text_puts(out, "</span><span>");
    if (parse_double(cells[CELL_CONFIDENCE], &share))
        put_percent(out, share);
    text_puts(out, "</span></p>\n");
}

/* Where the class stands, an error has its word already. */
static void put_state(struct text *out, char *const cells[CELLS],
                      const char *state)
{
    if (!strcmp(state, "error"))
        return;
    text_printf(out, "<small>%s", state_word(state));
    if (strchr(cells[CELL_PAGE], '-')) {
        text_puts(out, ", ");
        text_printf(out, _("pages %s"), cells[CELL_PAGE]);
    }
    text_puts(out, "</small>\n");
}

/* A time of results.csv, for people: "2026-11-26 21:11:10 UTC". */
static void put_time(struct text *out, const char *time)
{
    size_t day = strcspn(time, "T"), end = strcspn(time, ".Z");
    if (end <= day)
        return;
    text_add(out, time, day);
    text_printf(out, " %.*s UTC", (int)(end - day - 1), time + day + 1);
}

/* The request that a row is of, 0 = it is there no more, or has another name
 * now. */
static uint64_t request_of(struct show_request *r, const char *file)
{
    struct object o = OBJECT_INIT;
    uint64_t id = 0;
    if (object_find(r->txn, r->object, file, &o) == 0 &&
        o.kind == OBJECT_REQUEST)
        id = o.id;
    object_release(&o);
    return id;
}

static void put_picture(struct show_request *r, struct text *out,
                        char *const cells[CELLS])
{
    struct text base64 = TEXT_INIT;
    const char *file = cells[CELL_FILE], *dot = strrchr(file, '.');
    uint64_t request = request_of(r, file),
             revision = strtoull(cells[CELL_REVISION], NULL, 10);
    if (request && thumbnail_get(r->txn, request, revision, &base64) == 0) {
        text_puts(out, "<a href=\"in/");
        put_address(out, file);
        text_printf(out,
                    "\"><img alt=\"\" src=\"data:image/jpeg;base64,%s\"></a>",
                    text_string(&base64));
    } else {
        markup_name(out, dot ? dot : "", NAME_MOST);
    }
    text_release(&base64);
}

static void put_row(struct show_request *r, struct text *out,
                    char *const cells[CELLS])
{
    static const char *const states[] = {"ok", "check", "error"};
    const char *state = "unknown";
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (!strcmp(cells[CELL_STATE], states[i]))
            state = states[i];
    text_printf(out, "<li class=\"%s\">\n<figure>", state);
    put_picture(r, out, cells);
    text_puts(out, "</figure>\n");
    put_class(out, cells);
    put_state(out, cells, state);
    text_puts(out, "<small>");
    markup_name(out, cells[CELL_FILE], NAME_MOST);
    text_puts(out, "</small>\n<small>");
    if (*cells[CELL_ERROR])
        markup_name(out, cells[CELL_ERROR], 4 * NAME_MOST);
    else
        put_time(out, cells[CELL_TIME]);
    text_puts(out, "</small>\n</li>\n");
}

/* Puts one row of the stream, which has so many bytes. */
static int row_show(struct show_request *r, struct stream rows, uint64_t at,
                    uint32_t size, struct text *out, int *shown)
{
    struct text row = TEXT_INIT;
    char *cells[CELLS];
    int err = size <= ROW_BYTES ? stream_read(r->txn, rows, at, size, &row) : 0;
    if (err == 0 && row.size && row_cut(row.data, cells)) {
        put_row(r, out, cells);
        (*shown)++;
    }
    text_release(&row);
    return err;
}

/* From the last row backwards, those of the user. */
static int rows_show(struct show_request *r, const struct serving *s,
                     struct text *out, int *shown)
{
    struct stream rows = serving_results(s), owners = serving_owners(s);
    struct text of = TEXT_INIT;
    uint32_t owner[2];
    uint64_t size = stream_size(r->txn, owners),
             most = sizeof owner * ROWS_MOST;
    uint64_t at = stream_size(r->txn, rows);
    size = size < most ? size : most;
    int err = stream_read(r->txn, owners, stream_size(r->txn, owners) - size,
                          size, &of);
    for (size_t i = of.size / sizeof owner;
         err == 0 && i-- > 0 && *shown < ANSWERS_MOST;) {
        memcpy(owner, of.data + i * sizeof owner, sizeof owner);
        if (owner[1] > at)
            break;
        at -= owner[1];
        if (!r->only || *r->only == owner[0])
            err = row_show(r, rows, at, owner[1], out, shown);
    }
    text_release(&of);
    return err;
}

/* Figures */

static void put_figure(struct text *out, const char *label, double v)
{
    text_puts(out, "<li><b>");
    if (v < 0)
        text_puts(out, "–");
    else
        text_put_double(out, v < 100 ? v : round(v), v < 100 ? 3 : 15);
    text_printf(out, "</b><span>%s</span></li>\n", label);
}

static void put_figures(struct show_request *r, const struct serving *s,
                        struct text *out)
{
    text_puts(out, "<ul>\n");
    put_figure(out, _("waiting"), (double)request_count_waiting(r->txn, s->id));
    put_figure(out, _("answered"), (double)s->answered);
    put_figure(out, _("of these to be checked or not recognised"),
               (double)s->unsure);
    put_figure(out, _("not readable"), (double)s->failed);
    put_figure(out, _("pictures a second, lately"), s->rate > 0 ? s->rate : -1);
    put_figure(out, _("ms to an answer, in the median"),
               s->latency_median > 0 ? s->latency_median : -1);
    text_puts(out, "</ul>\n");
}

static void put_head(struct text *out, const struct serving *s)
{
    put_page(out, RENEW_SECONDS);
    markup_name(out, s->service, NAME_MOST);
    text_printf(out, "</title>\n%s</head>\n<body>\n<main>\n<h1>", style);
    markup_name(out, s->service, NAME_MOST);
    text_printf(out, "</h1>\n<p>%s", status_label(s->status));
    if (*s->called) {
        text_puts(out, " · ");
        markup_name(out, s->called, NAME_MOST);
    }
    if (*s->reason) {
        text_puts(out, " · ");
        markup_name(out, s->reason, sizeof s->reason);
    }
    text_puts(out, "</p>\n");
}

show_fn show_serving_monitor;

int show_serving_monitor(struct show_request *r, struct text *out,
                         struct reason *why)
{
    struct serving s;
    int shown = 0, err = serving_load(r->txn, r->object, &s, why);
    if (err)
        return err;
    r->mtime = (int64_t)(s.changed * 1e9);
    put_head(out, &s);
    put_figures(r, &s, out);
    text_puts(out, "<ol>\n");
    err = rows_show(r, &s, out, &shown);
    text_puts(out, "</ol>\n");
    if (!shown)
        text_printf(out, "<p>%s</p>\n", _("There are no answers yet."));
    text_puts(out, "</main>\n</body>\n</html>\n");
    return err ? refuse(why, -err, "the answers cannot be read") : 0;
}
