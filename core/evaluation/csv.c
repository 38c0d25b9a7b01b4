#include "core/evaluation/csv.h"

#include <math.h>
#include <string.h>

enum { DIGITS = 7 };

void csv_text(struct text *out, const char *said, char end)
{
    struct text clean = TEXT_INIT;
    text_put_printable(&clean, said, strlen(said));
    const char *s = text_string(&clean);
    bool quoted = s[strcspn(s, ",\"")] || *s == ' ';
    if (quoted)
        text_puts(out, "\"");
    if (*s && strchr("=+-@", *s))
        text_puts(out, "'");
    for (size_t n; *s; s += n) {
        n = strcspn(s, "\"");
        text_add(out, s, n);
        if (s[n] == '"') {
            text_puts(out, "\"\"");
            n++;
        }
    }
    if (quoted)
        text_puts(out, "\"");
    text_add(out, &end, 1);
    text_release(&clean);
}

void csv_number(struct text *out, double v, char end)
{
    if (!isnan(v))
        text_put_double(out, v, DIGITS);
    text_add(out, &end, 1);
}

void csv_count(struct text *out, long long n, char end)
{
    text_printf(out, "%lld%c", n, end);
}
