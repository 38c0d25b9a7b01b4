#include "core/evaluation/evaluation.h"

#include "core/basic/alloc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 7, SIDE_MOST = 4096 };

void evaluation_init(struct evaluation *e)
{
    *e = (struct evaluation){.temperature = 1, .milliseconds = NAN};
}

void evaluation_release(struct evaluation *e)
{
    free(e->classes);
    free(e->pictures);
    free(e->thumbnails);
    text_release(&e->text);
    evaluation_init(e);
}

void evaluation_add_class(struct evaluation *e, const char *name,
                          double average_precision)
{
    ALLOC_GROW(e->classes, (size_t)e->class_count + 1, e->class_room);
    e->classes[e->class_count++] =
        (struct evaluated_class){name, average_precision};
}

void evaluation_add(struct evaluation *e, const struct evaluated *picture)
{
    ALLOC_GROW(e->pictures, (size_t)e->picture_count + 1, e->picture_room);
    e->pictures[e->picture_count++] = *picture;
}

void evaluation_add_thumbnail(struct evaluation *e, const struct thumbnail *t)
{
    ALLOC_GROW(e->thumbnails, (size_t)e->thumbnail_count + 1,
               e->thumbnail_room);
    e->thumbnails[e->thumbnail_count++] = *t;
}

/* Printing */

static void put_number(struct text *out, double v)
{
    if (isnan(v))
        text_puts(out, "-");
    else
        text_put_double(out, v, DIGITS);
    text_puts(out, " ");
}

/* Prints any bytes as the rest of a line, which is never empty. */
static void put_rest(struct text *out, const char *s)
{
    size_t before = out->size;
    text_put_printable(out, s, strlen(s));
    text_puts(out, out->size > before ? "\n" : "?\n");
}

static void picture_print(struct text *out, const struct evaluated *p)
{
    text_printf(out, "picture %d %d %d ", p->truth, p->predicted, p->second);
    put_number(out, p->confidence);
    put_number(out, p->second_confidence);
    put_rest(out, p->path);
}

void evaluation_print(struct text *out, const struct evaluation *e)
{
    text_puts(out, "evaluation 1\ntemperature ");
    text_put_double(out, e->temperature, DIGITS);
    if (isfinite(e->milliseconds)) {
        text_puts(out, "\nmilliseconds ");
        text_put_double(out, e->milliseconds, DIGITS);
    }
    text_puts(out, e->complete ? "\ncomplete\n" : "\n");
    for (int i = 0; i < e->class_count; i++) {
        text_puts(out, "class ");
        put_number(out, e->classes[i].average_precision);
        put_rest(out, e->classes[i].name);
    }
    for (int i = 0; i < e->picture_count; i++)
        picture_print(out, &e->pictures[i]);
    for (int i = 0; i < e->thumbnail_count; i++) {
        const struct thumbnail *t = &e->thumbnails[i];
        text_printf(out, "thumbnail %d %d %d ", t->picture, t->width,
                    t->height);
        put_rest(out, t->base64);
    }
}

/* Parsing. A line is cut at its blanks in place. */

/* Takes the next field of a line. */
static char *field(char **rest)
{
    char *at = strsep(rest, " ");
    return at ? at : "";
}

static bool take_number(char **rest, double low, double high, double *out)
{
    return parse_double(field(rest), out) && *out >= low && *out <= high;
}

/* Takes a whole number from 0 to `end` - 1. */
static bool take_index(char **rest, int end, int *out)
{
    long long n;
    bool good = parse_int(field(rest), &n) && n >= 0 && n < end;
    *out = good ? (int)n : 0;
    return good;
}

/* Takes what is left of a line. */
static bool take_rest(char *rest, const char **out)
{
    *out = rest;
    return rest && *rest;
}

static bool parse_class(struct evaluation *e, char *rest)
{
    const char *name;
    double precision = NAN;
    char *number = field(&rest);
    bool known = strcmp(number, "-") != 0;
    if (known &&
        (!parse_double(number, &precision) || precision < 0 || precision > 1))
        return false;
    if (!take_rest(rest, &name) || e->class_count >= EVALUATION_CLASSES ||
        e->picture_count)
        return false;
    evaluation_add_class(e, name, precision);
    return true;
}

static bool parse_picture(struct evaluation *e, char *rest)
{
    struct evaluated p;
    int n = e->class_count;
    if (!take_index(&rest, n, &p.truth) ||
        !take_index(&rest, n, &p.predicted) ||
        !take_index(&rest, n, &p.second) ||
        !take_number(&rest, 0, 1, &p.confidence) ||
        !take_number(&rest, 0, 1, &p.second_confidence) ||
        !take_rest(rest, &p.path))
        return false;
    evaluation_add(e, &p);
    return true;
}

static bool parse_thumbnail(struct evaluation *e, char *rest)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
                                  "rstuvwxyz0123456789+/=";
    struct thumbnail t;
    if (!take_index(&rest, e->picture_count, &t.picture) ||
        !take_index(&rest, SIDE_MOST, &t.width) ||
        !take_index(&rest, SIDE_MOST, &t.height) ||
        !take_rest(rest, &t.base64) || t.base64[strspn(t.base64, letters)] ||
        e->thumbnail_count >= THUMBNAILS_MOST)
        return false;
    evaluation_add_thumbnail(e, &t);
    return true;
}

static bool parse_temperature(struct evaluation *e, char *rest)
{
    return take_number(&rest, 1e-3, 1e3, &e->temperature);
}

static bool parse_milliseconds(struct evaluation *e, char *rest)
{
    return take_number(&rest, 0, 1e9, &e->milliseconds);
}

static bool parse_complete(struct evaluation *e, char *rest)
{
    (void)rest;
    e->complete = true;
    return true;
}

static bool line_parse(struct evaluation *e, char *line)
{
    static const struct {
        const char *kind;
        bool (*parse)(struct evaluation *e, char *rest);
    } kinds[] = {
        {"picture", parse_picture},
        {"class", parse_class},
        {"thumbnail", parse_thumbnail},
        {"temperature", parse_temperature},
        {"milliseconds", parse_milliseconds},
        {"complete", parse_complete},
    };
    char *kind = field(&line);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].kind, kind))
            return kinds[i].parse(e, line);
    return true;
}

int evaluation_parse(struct evaluation *out, const char *text, size_t size,
                     struct reason *why)
{
    static const char first[] = "evaluation 1\n";
    evaluation_init(out);
    if (size < sizeof first - 1 || memcmp(text, first, sizeof first - 1))
        return refuse(why, EINVAL, "this is no evaluation of a model");
    text_put_printable_lines(&out->text, text, size);
    char *rest = out->text.data, *line;
    int number = 0;
    bool good = true;
    while (good && (line = strsep(&rest, "\n"))) {
        number++;
        good = line_parse(out, line);
    }
    if (good && out->class_count)
        return 0;
    evaluation_release(out);
    return refuse(why, EINVAL, "line %d of the evaluation cannot be read",
                  number);
}

/* Read */

bool evaluated_is_right(const struct evaluated *p)
{
    return p->truth == p->predicted;
}

static int by_confidence_down(const void *a, const void *b, void *evaluation)
{
    const struct evaluation *e = evaluation;
    int i = *(const int *)a, k = *(const int *)b;
    double x = e->pictures[i].confidence, y = e->pictures[k].confidence;
    return x != y ? (x < y ? 1 : -1) : (i > k) - (i < k);
}

int *evaluation_mistakes(const struct evaluation *e, int *count)
{
    int *list = xreallocarray(NULL, (size_t)e->picture_count + 1, sizeof *list);
    *count = 0;
    for (int i = 0; i < e->picture_count; i++)
        if (!evaluated_is_right(&e->pictures[i]))
            list[(*count)++] = i;
    qsort_r(list, (size_t)*count, sizeof *list, by_confidence_down, (void *)e);
    return list;
}
