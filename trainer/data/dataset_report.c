#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "trainer/data/loader_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 1000, LOG_LINES_MAX = 100, SMALL_CLASS = 10 };

static void put_path(struct text *out, const struct scan *s, int i)
{
    const char *p =
        dataset_relative(s->dataset, sample_name(scan_sample(s, i)));
    text_put_printable(out, p, strlen(p));
}

/* Unreadable pictures */

static int count_faults(const struct scan *s)
{
    int n = 0;
    for (int i = 0; i < s->count; i++)
        n += s->pictures[i].fault != NULL;
    return n;
}

static void log_line(const struct loader_options *o, const char *line)
{
    if (o->log)
        o->log(o->context, line);
}

static void put_faults(const struct scan *s, const struct loader_options *o,
                       struct text *report)
{
    int total = count_faults(s), n = 0;
    struct text line = TEXT_INIT;
    if (total)
        text_puts(report, _("\nunreadable pictures\n"));
    for (int i = 0; i < s->count && n < LINES_MAX; i++) {
        if (!s->pictures[i].fault)
            continue;
        text_release(&line);
        put_path(&line, s, i);
        text_printf(&line, ": %s", s->pictures[i].fault);
        if (n++ < LOG_LINES_MAX)
            log_line(o, text_string(&line));
        text_printf(report, "  %s\n", text_string(&line));
    }
    text_release(&line);
    if (total > n)
        text_printf(report, _("  and %d more\n"), total - n);
    if (total > LOG_LINES_MAX) {
        text_printf(&line,
                    P_("and %d more picture that can't be read",
                       "and %d more pictures that can't be read",
                       total - LOG_LINES_MAX),
                    total - LOG_LINES_MAX);
        log_line(o, text_string(&line));
        text_release(&line);
    }
}

/* Lists of pictures that something is to be said of */

static bool has_more_pages(const struct scan *s, int i)
{
    return s->pictures[i].more_pages;
}

static bool has_changed(const struct scan *s, int i)
{
    return s->dataset->kept && !s->pictures[i].fault &&
           memcmp(s->pictures[i].hash, scan_sample(s, i)->hash,
                  sizeof s->pictures[i].hash) != 0;
}

/* Appends the pictures of a kind below a title, and returns their number. */
static int put_list(const struct scan *s, const char *title,
                    bool (*is)(const struct scan *s, int i),
                    struct text *report)
{
    int n = 0;
    for (int i = 0; i < s->count; i++) {
        if (!is(s, i))
            continue;
        if (n++ == 0)
            text_printf(report, "\n%s\n", title);
        if (n > LINES_MAX)
            continue;
        text_puts(report, "  ");
        put_path(report, s, i);
        text_puts(report, "\n");
    }
    if (n > LINES_MAX)
        text_printf(report, _("  and %d more\n"), n - LINES_MAX);
    return n;
}

/* Copies */

struct copies {
    const struct scan *scan;
    int *order; /* the readable pictures, sorted by hash, then by index */
    int count;
};

static int compare_pictures(const void *a, const void *b, void *context)
{
    const struct scan *s = context;
    int i = *(const int *)a, k = *(const int *)b;
    const uint64_t *x = s->pictures[i].hash, *y = s->pictures[k].hash;
    if (x[0] != y[0])
        return x[0] < y[0] ? -1 : 1;
    if (x[1] != y[1])
        return x[1] < y[1] ? -1 : 1;
    return (i > k) - (i < k);
}

static void copies_init(struct copies *c, const struct scan *s)
{
    c->scan = s;
    c->count = 0;
    c->order = xmalloc(((size_t)s->count + 1) * sizeof *c->order);
    for (int i = 0; i < s->count; i++)
        if (!s->pictures[i].fault)
            c->order[c->count++] = i;
    qsort_r(c->order, (size_t)c->count, sizeof *c->order, compare_pictures,
            (void *)(uintptr_t)s);
}

/* Returns the end of the group of equal pictures that begins at `from`. */
static int group_end(const struct copies *c, int from)
{
    const struct scanned *pictures = c->scan->pictures;
    int to = from + 1;
    while (to < c->count &&
           !memcmp(pictures[c->order[to]].hash, pictures[c->order[from]].hash,
                   sizeof pictures->hash))
        to++;
    return to;
}

static void put_group(struct text *report, const struct copies *c, int from,
                      int to, bool leak, bool contradiction)
{
    text_puts(report, "  ");
    for (int i = from; i < to; i++) {
        text_puts(report, i > from ? " = " : "");
        put_path(report, c->scan, c->order[i]);
    }
    text_printf(report, "%s%s\n",
                contradiction ? _(" (of different classes)") : "",
                leak ? _(" (in training and test)") : "");
}

/* Counts what one group of copies means, and appends its line unless there are
 * LINES_MAX already. */
static void take_group(const struct copies *c, int from, int to,
                       struct text *report, int line, struct loader_findings *f)
{
    int tests = 0, first = scan_sample(c->scan, c->order[from])->label;
    bool contradiction = false;
    for (int i = from; i < to; i++) {
        tests += scan_is_test(c->scan, c->order[i]);
        contradiction |= scan_sample(c->scan, c->order[i])->label != first;
    }
    bool leak = tests && tests < to - from;
    f->duplicates += to - from - 1;
    f->leaks += leak ? tests : 0;
    f->contradictions += contradiction;
    if (line < LINES_MAX)
        put_group(report, c, from, to, leak, contradiction);
}

static void put_copies(const struct scan *s, struct text *report,
                       struct loader_findings *f)
{
    struct copies c;
    struct text groups = TEXT_INIT;
    copies_init(&c, s);
    int n = 0;
    for (int from = 0, to; from < c.count; from = to) {
        to = group_end(&c, from);
        if (to - from > 1)
            take_group(&c, from, to, &groups, n++, f);
    }
    free(c.order);
    if (n)
        text_printf(report, _("\nidentical pictures\n%s"),
                    text_string(&groups));
    if (n > LINES_MAX)
        text_printf(report, _("  and %d more groups\n"), n - LINES_MAX);
    text_release(&groups);
}

/* Classes */

struct class_row {
    struct text name; /* printable */
    int train, test, faults;
    int smallest, largest; /* indices of pictures by area, -1 = none */
};

static int64_t area(const struct scan *s, int i)
{
    return (int64_t)s->pictures[i].width * s->pictures[i].height;
}

static struct class_row *class_rows(const struct scan *s)
{
    struct class_row *rows = xcalloc((size_t)s->dataset->classes, sizeof *rows);
    for (int i = 0; i < s->dataset->classes; i++) {
        text_put_c_escaped(&rows[i].name, s->dataset->class_names[i]);
        rows[i].smallest = rows[i].largest = -1;
    }
    for (int i = 0; i < s->count; i++) {
        struct class_row *r = &rows[scan_sample(s, i)->label];
        if (s->pictures[i].fault) {
            r->faults++;
            continue;
        }
        *(scan_is_test(s, i) ? &r->test : &r->train) += 1;
        if (r->smallest < 0 || area(s, i) < area(s, r->smallest))
            r->smallest = i;
        if (r->largest < 0 || area(s, i) > area(s, r->largest))
            r->largest = i;
    }
    return rows;
}

static void class_rows_free(struct class_row *rows, int count)
{
    for (int i = 0; i < count; i++)
        text_release(&rows[i].name);
    free(rows);
}

static void put_size(struct text *report, const struct scan *s, int i)
{
    char size[32] = "-";
    if (i >= 0)
        snprintf(size, sizeof size, "%dx%d", s->pictures[i].width,
                 s->pictures[i].height);
    text_printf(report, "  %11s", size);
}

static size_t width(const struct text *name)
{
    return utf8_count(text_string(name), name->size);
}

static void put_padded(struct text *report, const struct text *name,
                       size_t wide)
{
    text_puts(report, text_string(name));
    for (size_t n = width(name); n < wide; n++)
        text_puts(report, " ");
}

static void put_classes(const struct scan *s, const struct class_row *rows,
                        struct text *report)
{
    const struct dataset *d = s->dataset;
    struct text title = TEXT_INIT;
    text_puts(&title, _("class"));
    size_t wide = width(&title);
    for (int i = 0; i < d->classes; i++)
        wide = width(&rows[i].name) > wide ? width(&rows[i].name) : wide;
    text_puts(report, "\n");
    put_padded(report, &title, wide);
    text_release(&title);
    text_puts(report, _("  training    test  unreadable     smallest      "
                        "largest\n"));
    for (int i = 0; i < d->classes; i++) {
        const struct class_row *r = &rows[i];
        put_padded(report, &r->name, wide);
        text_printf(report, "  %8d  %6d  %10d", r->train, r->test, r->faults);
        put_size(report, s, r->smallest);
        put_size(report, s, r->largest);
        text_puts(report, "\n");
    }
}

static void put_small_classes(const struct scan *s,
                              const struct class_row *rows, struct text *report,
                              struct loader_findings *f)
{
    for (int i = 0; i < s->dataset->classes; i++) {
        if (rows[i].train >= SMALL_CLASS)
            continue;
        if (f->small_classes++ == 0)
            text_printf(report,
                        _("\nclasses with fewer than %d training pictures\n"),
                        SMALL_CLASS);
        text_printf(report, "  %s: %d\n", text_string(&rows[i].name),
                    rows[i].train);
    }
}

/* Keys are the same in every language, because scripts read them; in a language
 * other than English, a comment explains each of them. */
static void put_fact(struct text *report, const char *key, const char *value)
{
    const char *label = translate_in("dataset", key);
    if (label != key)
        text_printf(report, "# %s\n", label);
    text_printf(report, "%s: %s\n", key, value);
}

/* Calls `tell` for each line `key: value`. */
static void lines_walk(const struct text *lines,
                       void (*tell)(void *context, const char *key,
                                    const char *value),
                       void *context)
{
    struct text copy = TEXT_INIT;
    text_puts(&copy, text_string(lines));
    char *rest = copy.data, *line;
    while (rest && (line = strsep(&rest, "\n"))) {
        char *value = strstr(line, ": ");
        if (!value)
            continue;
        *value = 0;
        tell(context, line, value + 2);
    }
    text_release(&copy);
}

/* A key that is there several times is explained once. */
struct notes {
    struct text *report, key;
};

static void note_put(void *context, const char *key, const char *value)
{
    struct notes *n = context;
    if (strcmp(text_string(&n->key), key)) {
        put_fact(n->report, key, value);
        text_release(&n->key);
        text_puts(&n->key, key);
    } else {
        text_printf(n->report, "%s: %s\n", key, value);
    }
}

static void put_notes(const struct text *lines, struct text *report)
{
    struct notes n = {.report = report};
    lines_walk(lines, note_put, &n);
    text_release(&n.key);
}

static void put_count(struct text *report, const char *key, int n)
{
    char value[16];
    snprintf(value, sizeof value, "%d", n);
    put_fact(report, key, value);
}

/* The classes that the average precision says nothing of. */
static void tests_note(const struct scan *s, const struct class_row *rows,
                       struct text *out)
{
    for (int i = 0; i < s->dataset->classes; i++)
        if (rows[i].test == 0 && rows[i].train)
            text_printf(out, "%s: %s\n", NC_("dataset", "no test pictures"),
                        text_string(&rows[i].name));
}

static void put_tests(const struct scan *s, const struct class_row *rows,
                      struct text *report)
{
    struct text lines = TEXT_INIT;
    tests_note(s, rows, &lines);
    put_notes(&lines, report);
    text_release(&lines);
}

/* Writes the summary. It comes first in the report, though its numbers are
 * known last. */
static void put_head(const struct scan *s, const struct class_row *rows,
                     const struct loader_findings *f, struct text *report)
{
    const struct dataset *d = s->dataset;
    int train = 0, test = 0;
    for (int i = 0; i < d->classes; i++) {
        train += rows[i].train;
        test += rows[i].test;
    }
    struct text faults = TEXT_INIT;
    faults_put_lines(&d->faults, d->extensions, &faults);
    put_fact(report, NC_("dataset", "dataset"), d->called);
    put_notes(&d->layout, report);
    put_tests(s, rows, report);
    put_notes(&faults, report);
    text_release(&faults);
    put_count(report, NC_("dataset", "classes"), d->classes);
    put_count(report, NC_("dataset", "training pictures"), train);
    put_count(report, NC_("dataset", "test pictures"), test);
    put_count(report, NC_("dataset", "unreadable"), f->unreadable);
    put_count(report, NC_("dataset", "duplicates"), f->duplicates);
    put_count(report, NC_("dataset", "test pictures that are in training"),
              f->leaks);
    put_count(report, NC_("dataset", "identical pictures of different classes"),
              f->contradictions);
    put_count(report, NC_("dataset", "small classes"), f->small_classes);
    put_count(report, NC_("dataset", "files with more pages"), f->more_pages);
    if (d->kept)
        put_count(report, NC_("dataset", "changed pictures"), f->changed);
}

static void note_log(void *context, const char *key, const char *value)
{
    const struct loader_options *o = context;
    struct text line = TEXT_INIT;
    text_printf(&line, "%s: %s", translate_in("dataset", key), value);
    log_line(o, text_string(&line));
    text_release(&line);
}

static void log_notes(const struct loader_options *o, const struct text *lines)
{
    lines_walk(lines, note_log, (void *)(uintptr_t)o);
}

static void log_tests(const struct scan *s, const struct class_row *rows,
                      const struct loader_options *o)
{
    struct text lines = TEXT_INIT;
    tests_note(s, rows, &lines);
    log_notes(o, &lines);
    text_release(&lines);
}

static void log_classes(const struct scan *s, const struct class_row *rows,
                        const struct loader_options *o)
{
    const struct dataset *d = s->dataset;
    struct text line = TEXT_INIT;
    for (int i = 0; i < d->classes && i < LOG_LINES_MAX; i++) {
        const struct class_row *r = &rows[i];
        text_release(&line);
        text_printf(&line, _("class %s: %d training, %d test"),
                    text_string(&r->name), r->train, r->test);
        if (r->faults)
            text_printf(&line, _(", %d unreadable"), r->faults);
        if (r->smallest >= 0)
            text_printf(
                &line, _(", %dx%d to %dx%d"), s->pictures[r->smallest].width,
                s->pictures[r->smallest].height, s->pictures[r->largest].width,
                s->pictures[r->largest].height);
        log_line(o, text_string(&line));
    }
    text_release(&line);
    if (d->classes > LOG_LINES_MAX)
        text_printf(&line, _("and %d more classes"),
                    d->classes - LOG_LINES_MAX);
    if (line.size)
        log_line(o, text_string(&line));
    text_release(&line);
}

static void log_pages(const struct loader_options *o,
                      const struct loader_findings *f)
{
    struct text line = TEXT_INIT;
    if (f->more_pages)
        text_printf(&line,
                    P_("%d file has more pages; the first is taken",
                       "%d files have more pages; the first is taken",
                       f->more_pages),
                    f->more_pages);
    if (line.size)
        log_line(o, text_string(&line));
    text_release(&line);
    if (f->changed)
        text_printf(&line,
                    P_("%d picture is another one than when the training "
                       "began",
                       "%d pictures are others than when the training began",
                       f->changed),
                    f->changed);
    if (line.size)
        log_line(o, text_string(&line));
    text_release(&line);
}

static void log_findings(const struct loader_options *o,
                         const struct loader_findings *f)
{
    struct text line = TEXT_INIT;
    if (f->small_classes)
        text_printf(&line,
                    P_("%d class has fewer than %d training pictures",
                       "%d classes have fewer than %d training pictures",
                       f->small_classes),
                    f->small_classes, SMALL_CLASS);
    if (line.size)
        log_line(o, text_string(&line));
    text_release(&line);
    if (f->duplicates)
        text_printf(&line,
                    P_("%d picture is a copy of another",
                       "%d pictures are copies of others", f->duplicates),
                    f->duplicates);
    if (f->leaks)
        text_printf(&line,
                    P_("; %d test picture is in training, too",
                       "; %d test pictures are in training, too", f->leaks),
                    f->leaks);
    if (f->contradictions)
        text_printf(&line,
                    P_("; %d group of copies has different classes",
                       "; %d groups of copies have different classes",
                       f->contradictions),
                    f->contradictions);
    if (line.size)
        log_line(o, text_string(&line));
    text_release(&line);
    log_pages(o, f);
}

void scan_report(const struct scan *s, const struct loader_options *options,
                 struct text *report, struct loader_findings *findings)
{
    struct text body = TEXT_INIT;
    struct class_row *rows = class_rows(s);
    *findings = (struct loader_findings){.unreadable = count_faults(s)};
    log_notes(options, &s->dataset->layout);
    log_tests(s, rows, options);
    log_classes(s, rows, options);
    put_classes(s, rows, &body);
    put_small_classes(s, rows, &body, findings);
    put_faults(s, options, &body);
    put_copies(s, &body, findings);
    findings->more_pages =
        put_list(s, _("files with more pages, of which the first is used"),
                 has_more_pages, &body);
    findings->changed =
        put_list(s, _("pictures that are others than when the training began"),
                 has_changed, &body);
    put_head(s, rows, findings, report);
    text_puts(report, text_string(&body));
    log_findings(options, findings);
    class_rows_free(rows, s->dataset->classes);
    text_release(&body);
}
