#include "core/report/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_cell(struct text *out, double v)
{
    text_puts(out, ",");
    if (!isnan(v))
        text_put_double(out, v, 7);
}

void metrics_row_print(struct text *out, const struct metrics_row *row)
{
    text_put_time(out, row->time);
    put_cell(out, row->epoch);
    text_printf(out, ",%llu", (unsigned long long)row->iteration);
    put_cell(out, row->learning_rate);
    put_cell(out, row->train_loss);
    put_cell(out, row->average_precision);
    put_cell(out, row->accuracy);
    put_cell(out, row->images_per_second);
    text_puts(out, "\n");
}

static bool parse_cell(const char *s, double *out)
{
    *out = NAN;
    return !*s || parse_double(s, out);
}

bool metrics_row_parse(const char *line, struct metrics_row *row)
{
    enum { CELLS = 8 };
    char copy[256], *cell[CELLS];
    size_t n = strlen(line);
    if (n >= sizeof copy)
        return false;
    memcpy(copy, line, n + 1);
    char *rest = copy;
    for (int i = 0; i < CELLS; i++) {
        cell[i] = strsep(&rest, ",");
        if (!cell[i])
            return false;
    }
    long long iteration;
    if (rest || !parse_time(cell[0], &row->time) ||
        !parse_int(cell[2], &iteration) || iteration < 0)
        return false;
    row->iteration = (uint64_t)iteration;
    return parse_cell(cell[1], &row->epoch) &&
           parse_cell(cell[3], &row->learning_rate) &&
           parse_cell(cell[4], &row->train_loss) &&
           parse_cell(cell[5], &row->average_precision) &&
           parse_cell(cell[6], &row->accuracy) &&
           parse_cell(cell[7], &row->images_per_second);
}

/* The fields of struct progress, for printing and for parsing. */
static const struct progress_field {
    const char *name;
    size_t offset;
    bool count; /* true = uint64_t, false = double */
} progress_fields[] = {
#define FIELD(f, count)                                                        \
    {                                                                          \
#f, offsetof(struct progress, f), count                                \
    }
    FIELD(epoch, true),
    FIELD(epochs, true),
    FIELD(iteration, true),
    FIELD(iterations, true),
    FIELD(learning_rate, false),
    FIELD(train_loss, false),
    FIELD(images_per_second, false),
    FIELD(eta, false),
    FIELD(average_precision, false),
    FIELD(accuracy, false),
    FIELD(best_average_precision, false),
    FIELD(best_accuracy, false),
    FIELD(best_epoch, true),
#undef FIELD
};
enum { PROGRESS_FIELDS = sizeof progress_fields / sizeof *progress_fields };

void progress_print(struct text *out, const struct progress *p)
{
    for (int i = 0; i < PROGRESS_FIELDS; i++) {
        const struct progress_field *f = &progress_fields[i];
        const char *at = (const char *)p + f->offset;
        if (f->count) {
            text_printf(out, "%s=%llu ", f->name,
                        (unsigned long long)*(const uint64_t *)at);
        } else if (!isnan(*(const double *)at)) {
            text_printf(out, "%s=", f->name);
            text_put_double(out, *(const double *)at, 9);
            text_puts(out, " ");
        }
    }
}

static bool progress_set(struct progress *p, const char *name,
                         const char *value)
{
    for (int i = 0; i < PROGRESS_FIELDS; i++) {
        const struct progress_field *f = &progress_fields[i];
        if (strcmp(f->name, name))
            continue;
        char *at = (char *)p + f->offset;
        long long n;
        if (!f->count)
            return parse_double(value, (double *)at);
        if (!parse_int(value, &n) || n < 0)
            return false;
        *(uint64_t *)at = (uint64_t)n;
        return true;
    }
    return true; /* a newer trainer may have more fields */
}

bool progress_parse(const char *s, struct progress *p)
{
    memset(p, 0, sizeof *p);
    for (int i = 0; i < PROGRESS_FIELDS; i++)
        if (!progress_fields[i].count)
            *(double *)((char *)p + progress_fields[i].offset) = NAN;
    char copy[1024];
    size_t n = strlen(s);
    if (n >= sizeof copy)
        return false;
    memcpy(copy, s, n + 1);
    char *rest = copy, *word;
    while ((word = strsep(&rest, " "))) {
        char *value = strchr(word, '=');
        if (!*word)
            continue;
        if (!value)
            return false;
        *value++ = 0;
        if (!progress_set(p, word, value))
            return false;
    }
    return true;
}
