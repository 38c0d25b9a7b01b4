#include "core/report/told_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void told_line_print(struct text *out, const struct told_line *line)
{
    if (line->kind == TOLD_MODEL) {
        text_printf(out, "model %s ", line->name);
        text_put_double(out, line->temperature, 9);
        text_printf(out, " %d %d-%d\n", line->top, line->pages.first,
                    line->pages.last);
    } else {
        text_printf(out, "picture %" PRIu64 " %" PRIu64 " %s\n", line->request,
                    line->revision, line->name);
    }
}

/* The pages may be left out. */
static bool model_parse(const char *s, struct told_line *out)
{
    char number[32];
    int end = 0;
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

bool told_line_parse(const char *s, struct told_line *out)
{
    int end = 0;
    *out = (struct told_line){.kind = TOLD_MODEL};
    if (!strncmp(s, "model ", 6))
        return model_parse(s, out);
    out->kind = TOLD_PICTURE;
    return sscanf(s, "picture %" SCNu64 " %" SCNu64 " %63s%n", &out->request,
                  &out->revision, out->name, &end) == 3 &&
           !s[end];
}
