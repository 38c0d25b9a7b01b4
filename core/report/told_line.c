#include "core/report/told_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void told_line_print(struct text *out, const struct told_line *line)
{
    if (line->kind == TOLD_MODEL) {
        text_printf(out, "model %s ", line->name);
        text_put_double(out, line->temperature, 9);
        text_printf(out, " %d\n", line->top);
    } else {
        text_printf(out, "picture %" PRIu64 " %" PRIu64 " %s\n", line->request,
                    line->revision, line->name);
    }
}

bool told_line_parse(const char *s, struct told_line *out)
{
    char number[32];
    int end = 0;
    *out = (struct told_line){.kind = TOLD_MODEL};
    if (sscanf(s, "model %63s %31s %d%n", out->name, number, &out->top, &end) ==
            3 &&
        !s[end])
        return parse_double(number, &out->temperature) &&
               out->temperature > 0 && out->top > 0;
    out->kind = TOLD_PICTURE;
    return sscanf(s, "picture %" SCNu64 " %" SCNu64 " %63s%n", &out->request,
                  &out->revision, out->name, &end) == 3 &&
           !s[end];
}
