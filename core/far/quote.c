#include "core/far/quote.h"

void put_quoted(struct text *out, const char *s)
{
    text_puts(out, "'");
    for (; *s; s++)
        if (*s == '\'')
            text_puts(out, "'\\''");
        else
            text_add(out, s, 1);
    text_puts(out, "'");
}
