#include "core/evaluation/markup.h"

#include "core/basic/language.h"

#include <math.h>
#include <string.h>

/* Estimates how many cells a code point takes. */
static int cells(unsigned code)
{
    if (code >= 0x300 && code < 0x370)
        return 0; /* combining */
    return code >= 0x1100 && (code < 0x2000 || code > 0x2FFF) ? 2 : 1;
}

/* Steps over one character, or one byte that is part of none. */
static size_t step(const char *s, size_t left, int *width)
{
    unsigned code = 0xFFFD;
    size_t size = utf8_decode(s, left, &code);
    *width = cells(code);
    return size ? size : 1;
}

int markup_cells(const char *s, int most)
{
    int sum = 0, width;
    for (size_t left = strlen(s), n; left && sum < most; s += n, left -= n) {
        n = step(s, left, &width);
        sum += width;
    }
    return sum < most ? sum : most;
}

/* The bytes of the name that fit; all of it if that is no more than `most`. */
static size_t fit(const char *s, int most)
{
    size_t size = strlen(s), at = 0, cut = 0;
    int sum = 0, width;
    while (at < size) {
        size_t n = step(s + at, size - at, &width);
        sum += width;
        if (sum > most)
            return cut;
        at += n;
        if (sum < most) /* there is room for the ellipsis behind this one */
            cut = at;
    }
    return size;
}

void markup_name(struct text *out, const char *s, int most)
{
    struct text clean = TEXT_INIT;
    size_t n = fit(s, most);
    text_put_printable(&clean, s, n);
    if (s[n])
        text_puts(&clean, "\u2026");
    text_put_escaped(out, text_string(&clean));
    text_release(&clean);
}

void put_percent(struct text *out, double share)
{
    if (!isfinite(share)) {
        text_puts(out, "\u2013");
        return;
    }
    long n = lround(share * 1000);
    n = n == 1000 && share < 1 ? 999 : n == 0 && share > 0 ? 1 : n;
    if (n > 0 && n < 1000)
        text_printf(out, "%ld.%ld\u00A0%%", n / 10, n % 10);
    else
        text_printf(out, "%ld\u00A0%%", n / 10);
}

void put_page(struct text *out, int renew)
{
    text_printf(out,
                "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n"
                "<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" "
                "content=\"default-src 'none'; img-src data:; "
                "style-src 'unsafe-inline'\">\n",
                language());
    if (renew)
        text_printf(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n",
                    renew);
    text_puts(out, "<meta name=\"viewport\" "
                   "content=\"width=device-width, initial-scale=1\">\n<title>");
}
