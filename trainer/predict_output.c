#include "trainer/predict_output.h"

#include "core/basic/json.h"

#include <string.h>

enum { DIGITS = 9 };

/* Prints a name as one field of a line. */
static void put_field(struct text *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '\t')
            text_puts(out, "\\t");
        else if (*s == '\n')
            text_puts(out, "\\n");
        else if (*s == '\\')
            text_puts(out, "\\\\");
        else
            text_add(out, s, 1);
    }
}

/* A cell of RFC 4180. */
static void put_cell(struct text *out, const char *s)
{
    bool quoted = strpbrk(s, ",\"\r\n");
    text_puts(out, quoted ? "\"" : "");
    for (; *s; s++)
        text_add(out, "\"\"", *s == '"' ? 1 : 0), text_add(out, s, 1);
    text_puts(out, quoted ? "\"" : "");
}

static void put_lines(struct text *out, const struct predict_answer *a)
{
    for (int i = 0; i < a->top; i++) {
        put_field(out, a->path);
        text_puts(out, "\t");
        put_field(out, a->class_names[a->order[i]]);
        text_puts(out, "\t");
        text_put_double(out, a->probabilities[a->order[i]], DIGITS);
        text_puts(out, "\n");
    }
}

static void put_json(struct text *out, const struct predict_answer *a)
{
    text_puts(out, "{\"path\": ");
    json_put_string(out, a->path);
    text_puts(out, ", \"items\": [");
    for (int i = 0; i < a->top; i++) {
        text_puts(out, i ? ", {\"field\": " : "{\"field\": ");
        json_put_string(out, a->class_names[a->order[i]]);
        text_puts(out, ", \"confidence\": ");
        text_put_double(out, a->probabilities[a->order[i]], DIGITS);
        text_puts(out, "}");
    }
    text_puts(out, "], \"pages\": [");
    for (size_t i = 0; i < a->pages->count; i++) {
        const struct page_best *best = &a->pages->best[i];
        text_printf(out, "%s{\"page\": %d, \"field\": ", i ? ", " : "",
                    a->first_page + (int)i);
        json_put_string(out, a->class_names[best->class]);
        text_puts(out, ", \"confidence\": ");
        text_put_double(out, best->probability, DIGITS);
        text_puts(out, "}");
    }
    text_puts(out, "], \"error\": null}\n");
}

static void put_row(struct text *out, const struct predict_answer *a)
{
    put_cell(out, a->path);
    for (int i = 0; i < 2; i++) {
        text_puts(out, ",");
        put_cell(out, a->class_names[a->order[i]]);
        text_puts(out, ",");
        text_put_double(out, a->probabilities[a->order[i]], DIGITS);
    }
    text_puts(out, ",\n");
}

void predict_put_head(struct text *out, enum predict_form form)
{
    if (form == PREDICT_CSV)
        text_puts(out,
                  "path,class,confidence,second,second_confidence,error\n");
}

void predict_put_answer(struct text *out, enum predict_form form,
                        const struct predict_answer *a)
{
    if (form == PREDICT_JSON)
        put_json(out, a);
    else if (form == PREDICT_CSV)
        put_row(out, a);
    else
        put_lines(out, a);
}

void predict_put_error(struct text *out, enum predict_form form,
                       const char *path, const char *sentence)
{
    if (form == PREDICT_JSON) {
        text_puts(out, "{\"path\": ");
        json_put_string(out, path);
        text_puts(out, ", \"items\": [], \"pages\": [], \"error\": ");
        json_put_string(out, sentence);
        text_puts(out, "}\n");
    } else if (form == PREDICT_CSV) {
        put_cell(out, path);
        text_puts(out, ",,,,,");
        put_cell(out, sentence);
        text_puts(out, "\n");
    }
}
