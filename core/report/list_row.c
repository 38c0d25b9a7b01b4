#include "core/report/list_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_NUMBER_MOST = 1000 * 1000 };

static void put_ms(struct text *out, const char *key, double ms)
{
    text_printf(out, " %s=", key);
    text_put_double(out, ms, 4);
}

void list_row_print(struct text *out, const struct list_row *r)
{
    text_printf(out, "row=%" PRIu64 " line=%" PRIu64 " truth=%d", r->row,
                r->line, r->truth);
    if (r->class >= 0) {
        text_printf(out, " class=%d confidence=", r->class);
        text_put_double(out, r->confidence, 9);
        if (r->first_page != 1 || r->pages != 1)
            text_printf(out, " page=%d pages=%d", r->first_page, r->pages);
        put_ms(out, "decode", r->decode);
        put_ms(out, "network", r->network);
    } else {
        text_printf(out, " code=%s", r->code);
    }
    text_printf(out, " path=%zu:%s", strlen(r->path), r->path);
    if (r->class < 0)
        text_printf(out, " error=%s", r->error);
}

/* Takes a number of class or -1. */
static bool class_take(const char *word, int *out)
{
    long long n;
    if (!parse_int(word, &n) || n < -1 || n > INT32_MAX)
        return false;
    *out = (int)n;
    return true;
}

static bool pages_take(const char *word, int *out)
{
    long long n;
    if (!parse_int(word, &n) || n < 1 || n > PAGE_NUMBER_MOST)
        return false;
    *out = (int)n;
    return true;
}

static bool count_take(const char *word, uint64_t *out)
{
    char *end;
    *out = strtoull(word, &end, 10);
    return end != word && !*end;
}

static bool number_take(const char *word, double most, double *out)
{
    return parse_double(word, out) && *out >= 0 && *out <= most;
}

/* Takes what stands in front of the path: words KEY=VALUE. */
static bool word_take(struct list_row *r, const char *key, const char *value)
{
    if (!strcmp(key, "row"))
        return count_take(value, &r->row);
    if (!strcmp(key, "line"))
        return count_take(value, &r->line);
    if (!strcmp(key, "truth"))
        return class_take(value, &r->truth);
    if (!strcmp(key, "class"))
        return class_take(value, &r->class);
    if (!strcmp(key, "confidence"))
        return number_take(value, 1.0001, &r->confidence);
    if (!strcmp(key, "page"))
        return pages_take(value, &r->first_page);
    if (!strcmp(key, "pages"))
        return pages_take(value, &r->pages);
    if (!strcmp(key, "decode"))
        return number_take(value, 1e9, &r->decode);
    if (!strcmp(key, "network"))
        return number_take(value, 1e9, &r->network);
    if (!strcmp(key, "code"))
        snprintf(r->code, sizeof r->code, "%s", value);
    return true;
}

/* Takes "SIZE:BYTES"; returns what follows, NULL = it is not so. */
static const char *path_take(struct list_row *r, const char *s)
{
    char *at;
    unsigned long n = strtoul(s, &at, 10);
    if (at == s || *at != ':' || n > LIST_PATH_SHOWN || strlen(at + 1) < n)
        return NULL;
    memcpy(r->path, at + 1, n);
    r->path[n] = 0;
    make_printable(r->path);
    return at + 1 + n;
}

static bool error_take(struct list_row *r, const char *s)
{
    static const char word[] = " error=";
    if (!*s)
        return r->class >= 0;
    if (r->class >= 0 || strncmp(s, word, sizeof word - 1) || !*r->code)
        return false;
    snprintf(r->error, sizeof r->error, "%s", s + sizeof word - 1);
    r->error[utf8_valid(r->error, strlen(r->error))] = 0;
    make_printable(r->error);
    return true;
}

bool list_row_parse(const char *payload, struct list_row *out)
{
    *out = (struct list_row){
        .truth = -1, .class = -1, .first_page = 1, .pages = 1};
    for (const char *at = payload; *at;) {
        char word[64], *value;
        size_t n = strcspn(at, " ");
        snprintf(word, sizeof word, "%.*s", (int)n, at);
        value = strchr(word, '=');
        if (!value)
            return false;
        *value++ = 0;
        if (!strcmp(word, "path")) {
            at = path_take(out, at + strlen("path="));
            return at && error_take(out, at);
        }
        if (n >= sizeof word || !word_take(out, word, value))
            return false;
        at += n + (at[n] == ' ');
    }
    return false;
}
