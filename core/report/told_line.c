#include "core/report/told_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void told_line_print(struct text *out, const struct told_line *line)
{
    switch (line->kind) {
    case TOLD_MODEL:
        text_printf(out, "model %s ", line->name);
        text_put_double(out, line->temperature, 9);
        text_printf(out, " %d %d-%d\n", line->top, line->pages.first,
                    line->pages.last);
        break;
    case TOLD_PICTURE:
        text_printf(out, "picture %" PRIu64 " %" PRIu64 " %s\n", line->request,
                    line->revision, line->name);
        break;
    case TOLD_LIST:
        text_printf(out, "list %" PRIu64 " %s\n", line->row, line->name);
        break;
    case TOLD_UNTIL:
        text_printf(out, "until %" PRIu64 "\n", line->row);
        break;
    case TOLD_BAD:
        text_printf(out, "bad %" PRIu64 "\n", line->row);
        break;
    }
}

/* The pages may be left out. */
static bool model_parse(const char *s, struct told_line *out)
{
    char number[32];
    int end = 0;
    out->kind = TOLD_MODEL;
    out->pages = PAGES_ALL;
    if (sscanf(s, "model %63s %31s %d%n", out->name, number, &out->top, &end) !=
        3)
        return false;
    s += end;
    end = 0;
    if (*s && (sscanf(s, " %d-%d%n", &out->pages.first, &out->pages.last,
                      &end) != 2 ||
               s[end]))
        return false;
    return parse_double(number, &out->temperature) && out->temperature > 0 &&
           out->top > 0 && out->pages.first > 0 &&
           out->pages.last >= out->pages.first;
}

static bool picture_parse(const char *s, struct told_line *out)
{
    int end = 0;
    out->kind = TOLD_PICTURE;
    return sscanf(s, "picture %" SCNu64 " %" SCNu64 " %63s%n", &out->request,
                  &out->revision, out->name, &end) == 3 &&
           !s[end];
}

static bool list_parse(const char *s, struct told_line *out)
{
    int end = 0;
    out->kind = TOLD_LIST;
    return sscanf(s, "list %" SCNu64 " %63s%n", &out->row, out->name, &end) ==
               2 &&
           !s[end];
}

static bool row_parse(const char *s, const char *word, enum told_kind kind,
                      struct told_line *out)
{
    size_t n = strlen(word);
    char *end;
    out->kind = kind;
    out->row = strtoull(s + n, &end, 10);
    return end > s + n && !*end;
}

bool told_line_parse(const char *s, struct told_line *out)
{
    static const char until[] = "until ", bad[] = "bad ";
    *out = (struct told_line){.kind = TOLD_PICTURE};
    if (!strncmp(s, "model ", 6))
        return model_parse(s, out);
    if (!strncmp(s, "picture ", 8))
        return picture_parse(s, out);
    if (!strncmp(s, "list ", 5))
        return list_parse(s, out);
    if (!strncmp(s, until, strlen(until)))
        return row_parse(s, until, TOLD_UNTIL, out);
    return !strncmp(s, bad, strlen(bad)) && row_parse(s, bad, TOLD_BAD, out);
}
