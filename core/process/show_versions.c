/*
 * models/TEMPLATE/versions.csv: the versions of a template's model beside each
 * other. All of it is read from the files of the versions, which never change:
 * so it is made once for each set of versions (core/usage/charts.h).
 */
#include "core/process/show.h"

#include "core/basic/alloc.h"
#include "core/evaluation/csv.h"
#include "core/evaluation/figures.h"
#include "core/models/model.h"
#include "core/settings/settings.h"
#include "core/system/file.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 1 << 20 }; /* most that is read of a file */

static const char header[] =
    "number,date,changed,images,average_precision,average_precision_low,"
    "average_precision_high,accuracy,milliseconds_per_image\n";

struct version {
    uint64_t id, number;
};

struct versions {
    struct primo *primo;
    struct version *list; /* by number */
    size_t count, room;
};

/* Finding */

static int by_number(const void *a, const void *b)
{
    const struct version *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static int versions_find(struct versions *v, const struct show_request *r)
{
    struct object o = OBJECT_INIT;
    uint64_t after = 0;
    int err;
    while ((err = object_next(r->txn, r->object, after, &o)) == 0) {
        after = o.id;
        ALLOC_GROW(v->list, v->count + 1, v->room);
        v->list[v->count++] = (struct version){o.id, o.number};
        object_release(&o);
    }
    if (v->count)
        qsort(v->list, v->count, sizeof *v->list, by_number);
    return err == -ENOENT ? 0 : err;
}

/* Reading. What an older version of primofs did not write, or what cannot be
 * read, leaves a cell empty. */

static void file_take(const struct versions *v, uint64_t id, const char *name,
                      struct text *out)
{
    int fd = model_file_open(v->primo, id, name, NULL);
    if (fd < 0)
        return;
    if (descriptor_read(fd, FILE_BYTES, out))
        text_clear(out);
    close(fd);
}

/* Appends the value of a "key: value" line. */
static void value_take(const struct text *info, const char *key,
                       struct text *out)
{
    size_t n = strlen(key);
    const char *line = text_string(info);
    while (*line && (strncmp(line, key, n) || line[n] != ':'))
        line += strcspn(line, "\n") + (strchr(line, '\n') != NULL);
    if (*line && line[n + 1] == ' ')
        text_add(out, line + n + 2, strcspn(line + n + 2, "\n"));
}

static double number_take(const struct text *info, const char *key)
{
    struct text value = TEXT_INIT;
    double v;
    value_take(info, key, &value);
    if (!parse_double(text_string(&value), &v))
        v = NAN;
    text_release(&value);
    return v;
}

/* The template of a version; false = it has none that can be read. */
static bool template_take(const struct versions *v, uint64_t id,
                          struct settings *out)
{
    struct text text = TEXT_INIT;
    settings_init(out);
    file_take(v, id, "template", &text);
    bool good = settings_parse(out, text_string(&text), text.size,
                               SCOPE_TEMPLATE, "", NULL) == 0;
    text_release(&text);
    return good;
}

/* Printing */

static void put_change(struct text *out, enum key key, const char *before,
                       const char *now)
{
    text_printf(out, "%s%s: %s -> %s", out->size ? "; " : "", params[key].key,
                *before ? before : "(none)", *now ? now : "(none)");
}

/* Prints which parameters differ from those of the version before. */
static void put_changed(struct text *out, const struct versions *v, size_t i)
{
    struct settings before, now;
    bool good = template_take(v, v->list[i].id, &now);
    good = template_take(v, v->list[i - 1].id, &before) && good;
    for (int key = 0; good && key < KEY_COUNT; key++) {
        const char *a = settings_get(&before, (enum key)key);
        const char *b = settings_get(&now, (enum key)key);
        if (params[key].scope & SCOPE_TEMPLATE && strcmp(a, b))
            put_change(out, (enum key)key, a, b);
    }
    settings_release(&before);
    settings_release(&now);
}

static void put_version(struct text *out, const struct versions *v, size_t i)
{
    struct text info = TEXT_INIT, date = TEXT_INIT, changed = TEXT_INIT;
    file_take(v, v->list[i].id, "info", &info);
    value_take(&info, "finished", &date);
    if (i)
        put_changed(&changed, v, i);
    double precision = number_take(&info, "best_average_precision");
    struct interval range =
        interval_of(precision, number_take(&info, "test_images"));
    csv_count(out, (long long)v->list[i].number, ',');
    csv_text(out, text_string(&date), ',');
    csv_text(out, text_string(&changed), ',');
    csv_number(out, number_take(&info, "images"), ',');
    csv_number(out, precision, ',');
    csv_number(out, range.low, ',');
    csv_number(out, range.high, ',');
    csv_number(out, number_take(&info, "best_accuracy"), ',');
    csv_number(out, number_take(&info, "milliseconds_per_image"), '\n');
    text_release(&info);
    text_release(&date);
    text_release(&changed);
}

static int versions_print(void *context, struct text *out)
{
    const struct versions *v = context;
    text_puts(out, header);
    for (size_t i = 0; i < v->count; i++)
        put_version(out, v, i);
    return 0;
}

show_fn show_versions;
int show_versions(struct show_request *r, struct text *out, struct reason *why)
{
    struct versions v = {.primo = r->primo};
    struct object family = OBJECT_INIT;
    struct text key = TEXT_INIT;
    int err = versions_find(&v, r);
    if (object_get(r->txn, r->object, &family) == 0)
        r->mtime = family.mtime;
    text_printf(&key, "versions %" PRIu64, r->object);
    for (size_t i = 0; i < v.count; i++)
        text_printf(&key, " %" PRIu64, v.list[i].id);
    if (err == 0)
        err = charts_draw(&r->primo->charts, text_string(&key), versions_print,
                          &v, out);
    object_release(&family);
    text_release(&key);
    free(v.list);
    return err ? refuse(why, -err, "the versions cannot be read") : 0;
}
