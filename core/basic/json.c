#include "core/basic/json.h"

#include <math.h>
#include <string.h>

static void put_character(struct text *out, const char *s, size_t size)
{
    unsigned char c = (unsigned char)*s;
    if (size == 0)
        text_puts(out, "\xEF\xBF\xBD");
    else if (c == '"' || c == '\\')
        text_printf(out, "\\%c", c);
    else if (c < 0x20 || c == 0x7F)
        text_printf(out, "\\u%04x", c);
    else
        text_add(out, s, size);
}

void json_put_string(struct text *out, const char *s)
{
    text_puts(out, "\"");
    for (size_t left = strlen(s); left > 0;) {
        size_t size = utf8_decode(s, left, NULL);
        put_character(out, s, size);
        size_t step = size ? size : 1;
        s += step;
        left -= step;
    }
    text_puts(out, "\"");
}

void json_put_strings(struct text *out, char *const *strings, int count)
{
    text_puts(out, "[");
    for (int i = 0; i < count; i++) {
        if (i)
            text_puts(out, ", ");
        json_put_string(out, strings[i]);
    }
    text_puts(out, "]");
}

void json_put_key(struct text *out, const char *key)
{
    if (out->size && !strchr("{[", out->data[out->size - 1]))
        text_puts(out, ",");
    json_put_string(out, key);
    text_puts(out, ":");
}

void json_put_member(struct text *out, const char *key, const char *value)
{
    json_put_key(out, key);
    if (*value)
        json_put_string(out, value);
    else
        text_puts(out, "null");
}

void json_put_number(struct text *out, const char *key, double v, int digits)
{
    json_put_key(out, key);
    if (isfinite(v))
        text_put_double(out, v, digits);
    else
        text_puts(out, "null");
}

void json_put_time(struct text *out, const char *key, double time)
{
    struct text t = TEXT_INIT;
    if (time > 0)
        text_put_time(&t, time);
    json_put_member(out, key, text_string(&t));
    text_release(&t);
}
