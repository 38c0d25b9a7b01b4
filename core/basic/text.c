#include "core/basic/text.h"

#include "core/basic/alloc.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unictype.h>
#include <unistr.h>

void text_init(struct text *t)
{
    *t = (struct text)TEXT_INIT;
}

void text_release(struct text *t)
{
    free(t->data);
    text_init(t);
}

void text_move(struct text *to, struct text *from)
{
    text_release(to);
    *to = *from;
    text_init(from);
}

const char *text_string(const struct text *t)
{
    return t->data ? t->data : "";
}

static void text_grow(struct text *t, size_t size)
{
    if (size + 1 <= t->room)
        return;
    size_t room = t->room ? t->room : 64;
    while (room < size + 1)
        room += room / 2;
    t->data = xrealloc(t->data, room);
    t->room = room;
}

void text_resize(struct text *t, size_t size)
{
    text_grow(t, size);
    if (size > t->size)
        memset(t->data + t->size, 0, size - t->size);
    t->size = size;
    t->data[size] = 0;
}

void text_write(struct text *t, size_t offset, const void *data, size_t size)
{
    if (offset + size > t->size)
        text_resize(t, offset + size);
    if (size)
        memcpy(t->data + offset, data, size);
}

void text_clear(struct text *t)
{
    t->size = 0;
    if (t->data)
        t->data[0] = 0;
}

void text_add(struct text *t, const void *data, size_t size)
{
    text_grow(t, t->size + size);
    if (size)
        memcpy(t->data + t->size, data, size);
    t->size += size;
    t->data[t->size] = 0;
}

void text_puts(struct text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

void text_vprintf(struct text *t, const char *format, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    if (n > 0) {
        text_grow(t, t->size + (size_t)n);
        vsnprintf(t->data + t->size, (size_t)n + 1, format, again);
        t->size += (size_t)n;
    }
    va_end(again);
}

void text_printf(struct text *t, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    text_vprintf(t, format, ap);
    va_end(ap);
}

/* The "C" locale, made once and kept: printf and strtod follow the thread's
 * locale, and a decimal comma in a CSV would be a defect. */
static locale_t c_locale(void)
{
    static locale_t made;
    locale_t known = __atomic_load_n(&made, __ATOMIC_ACQUIRE);
    if (known)
        return known;
    locale_t fresh = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!fresh)
        abort();
    if (!__atomic_compare_exchange_n(&made, &known, fresh, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        freelocale(fresh);
        return known;
    }
    return fresh;
}

void text_put_double(struct text *t, double v, int significant_digits)
{
    locale_t old = uselocale(c_locale());
    text_printf(t, "%.*g", significant_digits, v);
    uselocale(old);
}

void text_put_time(struct text *t, double unix_seconds)
{
    long long ms = llround(unix_seconds * 1000);
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    text_printf(t, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                (int)(ms % 1000));
}

void text_put_duration(struct text *t, double seconds)
{
    long long s = seconds > 0 ? llround(seconds) : 0;
    text_printf(t, "%02lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
}

void text_put_escaped(struct text *t, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&':
            text_puts(t, "&amp;");
            break;
        case '<':
            text_puts(t, "&lt;");
            break;
        case '>':
            text_puts(t, "&gt;");
            break;
        case '"':
            text_puts(t, "&quot;");
            break;
        default:
            if ((unsigned char)*s >= 0x20 || *s == '\n' || *s == '\t')
                text_add(t, s, 1);
        }
    }
}

/* Control, format and bidirectional characters, and those that end a line or
 * a paragraph: a terminal obeys them, and a reader does not see them. */
static bool is_unprintable(unsigned code)
{
    return code < 0x80
               ? code < 0x20 || code == 0x7F
               : uc_is_general_category_withtable(
                     code, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf |
                               UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp);
}

bool is_invisible(unsigned code)
{
    static const unsigned blanks[] = {0x2800, 0x13441, 0x13442, 0x16FE4};
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        if (code == blanks[i])
            return true;
    return is_unprintable(code) ||
           uc_is_property_default_ignorable_code_point(code);
}

/* What is shown in place of an unprintable character; 0 = nothing. */
static char stand_in(unsigned code)
{
    if (uc_is_general_category_withtable(code, UC_CATEGORY_MASK_Cf))
        return 0;
    return uc_is_property_white_space(code) ? ' ' : '?';
}

/* A stand-in is never longer than what it stands for, so this works in place.
 */
static size_t printable(char *s, size_t size, bool lines)
{
    size_t to = 0;
    for (size_t from = 0, n; from < size; from += n) {
        unsigned code;
        n = utf8_decode(s + from, size - from, &code);
        if (n && (!is_unprintable(code) || (lines && code == '\n'))) {
            memmove(s + to, s + from, n);
            to += n;
            continue;
        }
        char c = n ? stand_in(code) : '?';
        n = n ? n : 1;
        if (c)
            s[to++] = c;
    }
    return to;
}

void make_printable(char *s)
{
    s[printable(s, strlen(s), false)] = 0;
}

void text_put_printable(struct text *t, const char *s, size_t size)
{
    size_t before = t->size;
    text_add(t, s, size);
    text_resize(t, before + printable(t->data + before, size, false));
}

void text_put_printable_lines(struct text *t, const char *s, size_t size)
{
    size_t before = t->size;
    text_add(t, s, size);
    text_resize(t, before + printable(t->data + before, size, true));
}

size_t utf8_decode(const char *s, size_t n, unsigned *code)
{
    ucs4_t c;
    int length = n ? u8_mbtoucr(&c, (const uint8_t *)s, n) : 0;
    if (length > 0 && code)
        *code = c;
    return length > 0 ? (size_t)length : 0;
}

size_t utf8_valid(const char *s, size_t n)
{
    const uint8_t *bad = u8_check((const uint8_t *)s, n);
    return bad ? (size_t)(bad - (const uint8_t *)s) : n;
}

size_t utf8_count(const char *s, size_t n)
{
    return u8_mbsnlen((const uint8_t *)s, n);
}

bool parse_time(const char *s, double *out)
{
    struct tm tm = {0};
    int ms = 0;
    if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) != 7)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *out = (double)timegm(&tm) + ms / 1000.0;
    return true;
}

uint64_t text_print(const struct text *t)
{
    uint64_t print = t->size, word = 0;
    for (size_t at = 0; at < t->size; at += sizeof word, word = 0) {
        size_t left = t->size - at;
        memcpy(&word, t->data + at, left < sizeof word ? left : sizeof word);
        print = (print ^ word) * 0x9E3779B97F4A7C15u;
        print ^= print >> 29;
    }
    return print;
}

bool parse_double(const char *s, double *out)
{
    char *end;
    if (!*s || strpbrk(s, " \t\r\nxXpPnN"))
        return false; /* which leaves out spaces, hexadecimal, inf and nan */
    errno = 0;
    double v = strtod_l(s, &end, c_locale());
    if (*end || !isfinite(v))
        return false;
    *out = v;
    return true;
}

bool parse_int(const char *s, long long *out)
{
    char *end;
    if (!*s || strpbrk(s, " \t\r\n"))
        return false;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (*end || errno)
        return false;
    *out = v;
    return true;
}

/* The edit distance with transpositions (optimal string alignment), counted in
 * bytes. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    size_t n = strlen(a), m = strlen(b);
    if (n > MOST || m > MOST)
        return n > m ? n : m;
    size_t row[3][MOST + 1];
    size_t *before = row[0], *last = row[1], *now = row[2];
    for (size_t j = 0; j <= m; j++)
        last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[m];
}

const char *nearest_name(const char *s, const char *const *names, size_t n)
{
    const char *nearest = NULL;
    char *copy = xstrdup(s);
    for (char *c = copy; *c; c++)
        if (*c >= 'A' && *c <= 'Z') /* the locale does not matter */
            *c += 'a' - 'A';
    size_t least = (size_t)-1;
    for (size_t i = 0; i < n; i++) {
        size_t d = edit_distance(copy, names[i]);
        size_t a = strlen(s), b = strlen(names[i]);
        size_t limit = (a > b ? a : b) / 3;
        if (d <= (limit ? limit : 1) && d < least) {
            least = d;
            nearest = names[i];
        }
    }
    free(copy);
    return nearest;
}

void text_put_words(struct text *t, const char *words, const char *last)
{
    for (const char *w = words; *w;) {
        size_t n = strcspn(w, " ");
        bool end = !w[n];
        if (w != words)
            text_puts(t, end ? last : ", ");
        text_add(t, w, n);
        w += n + !end;
    }
}
