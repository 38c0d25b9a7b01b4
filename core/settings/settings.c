#include "core/settings/settings.h"

#include "core/basic/alloc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unictype.h>

enum { LINE_MAX_BYTES = 64 * 1024, EXCERPT_BEFORE = 60, EXCERPT_AFTER = 60 };

void settings_init(struct settings *s)
{
    memset(s, 0, sizeof *s);
}

void settings_release(struct settings *s)
{
    for (int i = 0; i < KEY_COUNT; i++)
        free(s->value[i]);
    settings_init(s);
}

const char *settings_get(const struct settings *s, enum key key)
{
    return s->value[key] ? s->value[key] : params[key].fallback;
}

double settings_number(const struct settings *s, enum key key)
{
    double v;
    return parse_double(settings_get(s, key), &v) ? v : NAN;
}

uint64_t settings_bytes(const struct settings *s, enum key key)
{
    const char *value = settings_get(s, key);
    if (value[0] < '0' || value[0] > '9')
        return 0;
    char *unit;
    uint64_t n = strtoull(value, &unit, 10);
    const char *units = "KMGT", *at = *unit ? strchr(units, *unit) : NULL;
    return at ? n << (10 * (at - units + 1)) : n;
}

double settings_seconds(const struct settings *s, enum key key)
{
    double seconds;
    return param_span(settings_get(s, key), &seconds) ? seconds : 0;
}

static void settings_put(struct settings *s, enum key key, const char *value,
                         const char *source)
{
    char *copy = xstrdup(value);
    free(s->value[key]);
    s->value[key] = copy;
    s->source[key] = source;
}

void settings_unset(struct settings *s, enum key key)
{
    free(s->value[key]);
    s->value[key] = NULL;
    s->source[key] = NULL;
}

/* Sets the place and the excerpt of *why: the part of the line around byte
 * `at`, with a caret below. */
static int fault_at(struct reason *why, int line, const char *text, size_t size,
                    size_t at)
{
    if (!why)
        return -EINVAL;
    size_t from = at > EXCERPT_BEFORE ? at - EXCERPT_BEFORE : 0;
    while (from > 0 && ((unsigned char)text[from] & 0xC0) == 0x80)
        from--;
    size_t to = at + EXCERPT_AFTER < size ? at + EXCERPT_AFTER : size;
    while (to < size && ((unsigned char)text[to] & 0xC0) == 0x80)
        to++;
    struct text out = TEXT_INIT;
    text_put_printable(&out, text + from, at - from);
    size_t column = utf8_count(text_string(&out), out.size);
    text_put_printable(&out, text + at, to - at);
    text_puts(&out, "\n");
    for (size_t i = 0; i < column; i++)
        text_puts(&out, " ");
    text_puts(&out, "^");
    why->line = line;
    why->column = (int)utf8_count(text, at) + 1;
    if (out.size < sizeof why->excerpt)
        memcpy(why->excerpt, text_string(&out), out.size + 1);
    text_release(&out);
    return -EINVAL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The offset of the first invisible character, and its code; size = none. */
static size_t invisible_find(const char *s, size_t size, unsigned *code)
{
    size_t at = 0;
    for (size_t n; at < size; at += n) {
        n = utf8_decode(s + at, size - at, code);
        if (!n || is_invisible(*code) ||
            (*code != ' ' && uc_is_property_white_space(*code)))
            break;
    }
    return at;
}

static int unknown_key(const char *key, size_t size, unsigned scope,
                       struct reason *why)
{
    const char *names[KEY_COUNT];
    size_t n = 0;
    struct text known = TEXT_INIT;
    for (int i = 0; i < KEY_COUNT; i++) {
        if (!(params[i].scope & scope))
            continue;
        text_printf(&known, "%s%s", n ? ", " : "", params[i].key);
        names[n++] = params[i].key;
    }
    char copy[128];
    size_t keep = size < sizeof copy ? size : sizeof copy - 1;
    keep = utf8_valid(key, keep);
    memcpy(copy, key, keep);
    copy[keep] = 0;
    const char *near = nearest_name(copy, names, n);
    if (near)
        refuse(why, EINVAL, "unknown key '%s', did you mean '%s'?", copy, near);
    else
        refuse(why, EINVAL, "unknown key '%s', the keys are %s", copy,
               text_string(&known));
    text_release(&known);
    return -EINVAL;
}

/* Takes one line, without its byte-order mark and CR. */
static int line_take(struct settings_check *check, const char *line,
                     size_t size, struct settings *into, const char *source,
                     struct reason *why)
{
    size_t start = 0, end = size;
    while (start < end && is_blank(line[start]))
        start++;
    while (end > start && is_blank(line[end - 1]))
        end--;
    if (start == end || line[start] == '#')
        return 0;
    const char *equals = memchr(line + start, '=', end - start);
    if (!equals) {
        refuse(why, EINVAL, "a line must be 'key = value' or start with '#'");
        return fault_at(why, check->line, line, size, start);
    }
    size_t key_end = (size_t)(equals - line), from = key_end + 1;
    while (key_end > start && is_blank(line[key_end - 1]))
        key_end--;
    while (from < end && is_blank(line[from]))
        from++;
    const struct param *p =
        param_find(line + start, key_end - start, check->scope);
    if (!p) {
        unsigned code;
        size_t size_key = key_end - start;
        size_t at = invisible_find(line + start, size_key, &code);
        if (at < size_key) {
            refuse(why, EINVAL,
                   "a key must have no invisible characters, but U+%04X is one",
                   code);
            return fault_at(why, check->line, line, size, start + at);
        }
        unknown_key(line + start, key_end - start, check->scope, why);
        return fault_at(why, check->line, line, size, start);
    }
    enum key key = (enum key)(p - params);
    if (check->seen >> key & 1) {
        refuse(why, EINVAL, "the key '%s' is given twice", p->key);
        return fault_at(why, check->line, line, size, start);
    }
    char *value = param_value(p, line + from, end - from);
    int err = param_check(p, value, why);
    if (err == 0 && check->judge && *value)
        err = check->judge(check->context, key, value, why);
    if (err)
        fault_at(why, check->line, line, size, from);
    else if (into && *value)
        settings_put(into, key, value, source);
    free(value);
    if (err == 0)
        check->seen |= (uint64_t)1 << key;
    return err;
}

_Static_assert(KEY_COUNT <= 64, "settings_check.seen has a bit for each key");

int settings_line(struct settings_check *check, const char *line, size_t size,
                  struct settings *into, const char *source, struct reason *why)
{
    check->line++;
    if (check->line == 1 && size >= 3 && !memcmp(line, "\xEF\xBB\xBF", 3)) {
        line += 3;
        size -= 3;
    }
    if (size && line[size - 1] == '\r')
        size--;
    if (size > LINE_MAX_BYTES)
        return refuse(why, EFBIG, "a line must have at most 64 KiB");
    const char *nul = memchr(line, 0, size);
    if (nul) {
        refuse(why, EINVAL, "the text must not have a NUL byte");
        return fault_at(why, check->line, line, size, (size_t)(nul - line));
    }
    size_t good = utf8_valid(line, size);
    if (good < size) {
        refuse(why, EINVAL, "the text must be valid UTF-8, byte 0x%02x is not",
               (unsigned char)line[good]);
        return fault_at(why, check->line, line, size, good);
    }
    return line_take(check, line, size, into, source, why);
}

int settings_lines(struct settings_check *check, const char *text, size_t size,
                   struct settings *into, const char *source,
                   struct reason *why)
{
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t n = newline ? (size_t)(newline - (text + at)) : size - at;
        int err = settings_line(check, text + at, n, into, source, why);
        if (err)
            return err;
        at += n + 1;
    }
    return 0;
}

int settings_parse(struct settings *s, const char *text, size_t size,
                   unsigned scope, const char *source, struct reason *why)
{
    struct settings_check check = {.scope = scope};
    return settings_lines(&check, text, size, s, source, why);
}
