#include "core/store/record.h"

#include <stdlib.h>
#include <string.h>

static void field_print(const void *of, const struct field *f, struct text *out)
{
    const char *at = (const char *)of + f->offset;
    text_printf(out, "%s=", f->name);
    switch (f->kind) {
    case FIELD_STRING:
        text_put_printable(out, at, strlen(at));
        break;
    case FIELD_COUNT:
        text_printf(out, "%llu", (unsigned long long)*(const uint64_t *)at);
        break;
    case FIELD_TIME:
        text_put_double(out, *(const double *)at, 17);
        break;
    case FIELD_BOOL:
        text_puts(out, *(const bool *)at ? "1" : "0");
        break;
    }
    text_puts(out, "\n");
}

static bool field_parse(void *of, const struct field *f, const char *value)
{
    char *at = (char *)of + f->offset;
    switch (f->kind) {
    case FIELD_STRING:
        if (strlen(value) >= f->size)
            return false;
        strcpy(at, value);
        return true;
    case FIELD_COUNT:
        *(uint64_t *)at = strtoull(value, NULL, 10);
        return true;
    case FIELD_TIME:
        return parse_double(value, (double *)at);
    case FIELD_BOOL:
        *(bool *)at = *value == '1';
        return true;
    }
    return false;
}

void record_print(const struct record_form *form, const void *of,
                  struct text *out)
{
    for (int i = 0; i < form->count; i++)
        field_print(of, &form->fields[i], out);
}

/* Fields normally come in the order of the table, only records of other
 * versions have them in another one. */
bool record_take(const struct record_form *form, void *of, const char *key,
                 const char *value, int *next)
{
    for (int i = 0; i < form->count; i++) {
        const struct field *f = &form->fields[(*next + i) % form->count];
        if (strcmp(f->name, key))
            continue;
        *next = (int)(f - form->fields) + 1;
        return field_parse(of, f, value);
    }
    return true;
}

bool record_walk(const char *text, record_line *take, void *context,
                 struct text *rest)
{
    char *copy = strdup(text), *left = copy, *line;
    bool good = copy != NULL;
    while (good && (line = strsep(&left, "\n")) && *line) {
        char *value = strchr(line, '=');
        good = value != NULL;
        if (good) {
            *value++ = 0;
            good = take(context, line, value);
        }
    }
    if (good && left && rest)
        text_puts(rest, left);
    free(copy);
    return good;
}

struct parsing {
    const struct record_form *form;
    void *of;
    int next;
};

static bool line_take(void *context, const char *key, const char *value)
{
    struct parsing *p = context;
    return record_take(p->form, p->of, key, value, &p->next);
}

bool record_parse(const struct record_form *form, void *of, const char *text)
{
    struct parsing p = {.form = form, .of = of};
    return record_walk(text, line_take, &p, NULL);
}
