/* The file `overview`: one line for each machine, in columns, and a second
 * table of what the machines are, so that lines fit a terminal; and
 * `overview.json`, which says the same for programs. */
#include "core/basic/json.h"
#include "core/basic/language.h"
#include "core/launch/launcher.h"
#include "core/process/process.h"
#include "core/process/show.h"
#include "core/settings/settings.h"
#include "core/store/node.h"

#include <math.h>
#include <string.h>

enum column {
    MACHINE,
    AVAILABLE,
    PROCESS,
    TEMPLATE,
    STATUS,
    PROGRESS,
    TIME_LEFT,
    BEST_AP,
    CORES, /* the second table, behind the machine, from here on */
    MEMORY,
    LOAD,
    TRAINER,
    PROCESSOR, /* last, because its name has spaces */
    COLUMNS
};

struct line {
    struct text cell[COLUMNS];
};

static const char *const titles[COLUMNS] = {
    [MACHINE] = N_("machine"),     [AVAILABLE] = N_("available"),
    [PROCESS] = N_("process"),     [TEMPLATE] = N_("template"),
    [STATUS] = N_("status"),       [PROGRESS] = N_("progress"),
    [TIME_LEFT] = N_("time left"), [BEST_AP] = N_("best AP"),
    [CORES] = N_("cores"),         [MEMORY] = N_("memory"),
    [LOAD] = N_("load"),           [TRAINER] = N_("trainer"),
    [PROCESSOR] = N_("processor"),
};

/* How wide a terminal is taken to be. */
enum { TERMINAL = 80, GAP = 2 };

static void put_width(struct text *out, const struct text *cell, size_t width)
{
    text_puts(out, text_string(cell));
    size_t n = utf8_count(text_string(cell), cell->size);
    for (; n < width; n++)
        text_puts(out, " ");
}

/* The columns of a table: the machine, and those from `first` up to `end`. */
struct table {
    int first, end;
};
static const struct table tables[] = {{AVAILABLE, CORES}, {CORES, COLUMNS}};

/* Columns stand closer to each other where the line would not fit. */
static size_t gap_of(const struct table *t, const size_t *width)
{
    size_t all = width[MACHINE];
    for (int i = t->first; i < t->end; i++)
        all += GAP + width[i];
    return all > TERMINAL ? 1 : GAP;
}

static void line_print(struct text *out, const struct line *line,
                       const struct table *t, const size_t *width)
{
    size_t gap = gap_of(t, width);
    put_width(out, &line->cell[MACHINE], width[MACHINE] + gap);
    for (int i = t->first; i < t->end; i++)
        put_width(out, &line->cell[i], width[i] + gap);
    while (out->size && out->data[out->size - 1] == ' ')
        text_resize(out, out->size - 1);
    text_puts(out, "\n");
}

static void line_release(struct line *line)
{
    for (int i = 0; i < COLUMNS; i++)
        text_release(&line->cell[i]);
}

/* Prints sizes the way templates and machines write them: 512M, 23.5G. */
static void put_bytes(struct text *out, uint64_t bytes)
{
    double g = (double)bytes / (1 << 30);
    if (g >= 1)
        text_put_double(out, round(g * 10) / 10, 4);
    else
        text_put_double(out, round(g * 1024), 4);
    text_puts(out, g >= 1 ? "G" : "M");
}

/* Prints how much of its host a machine may use: "4/16" cores, for example. */
static void fill_host(struct line *line, const struct settings *s,
                      const struct machine_facts *f)
{
    struct text *cell = line->cell;
    double threads = settings_number(s, KEY_THREADS);
    uint64_t memory = settings_bytes(s, KEY_MEMORY);
    if (!isnan(threads) && threads != f->cores)
        text_printf(&cell[CORES], "%g/", threads);
    text_printf(&cell[CORES], f->cores ? "%d" : "-", f->cores);
    if (memory) {
        put_bytes(&cell[MEMORY], memory);
        text_puts(&cell[MEMORY], "/");
    }
    if (f->memory)
        put_bytes(&cell[MEMORY], f->memory);
    else
        text_puts(&cell[MEMORY], "-");
    text_printf(&cell[LOAD], isnan(f->load) ? "-" : "%.1f", f->load);
    text_puts(&cell[TRAINER], *f->trainer ? f->trainer : "-");
    text_puts(&cell[PROCESSOR], *f->processor ? f->processor : "-");
}

/* Whether a machine can be used: one that is elsewhere must be reached. */
static bool is_there(const struct machine_facts *f)
{
    return !f->elsewhere || f->reached;
}

/* Returns whether the machine takes trainings. */
static bool fill_machine(struct line *line, struct show_request *r,
                         const struct object *machine,
                         struct machine_facts *facts, int64_t *mtime)
{
    struct machine_facts f = {.load = NAN};
    struct launch_target target;
    struct settings *s = &target.machine;
    settings_init(s);
    int err = settings_parse(s, text_string(&machine->body), machine->body.size,
                             SCOPE_MACHINE, "", NULL);
    bool yes = err == 0 && !strcmp(settings_get(s, KEY_ENABLED), "yes");
    target.site =
        launch_site_find(&r->primo->sites, settings_get(s, KEY_LAUNCHER));
    if (target.site)
        target.site->launcher->facts(&target, &f);
    text_puts(&line->cell[MACHINE], machine->name);
    yes = yes && is_there(&f);
    text_puts(&line->cell[AVAILABLE], yes ? _("yes") : _("no"));
    fill_host(line, s, &f);
    settings_release(s);
    *mtime = machine->mtime > *mtime ? machine->mtime : *mtime;
    *mtime = f.changed > *mtime ? f.changed : *mtime;
    *facts = f;
    return yes;
}

static void fill_process(struct line *line, struct show_request *r)
{
    const struct process *p = r->process;
    const struct progress *g = &p->progress;
    text_puts(&line->cell[PROCESS], p->enabled ? _("enabled") : _("disabled"));
    text_puts(&line->cell[TEMPLATE],
              *process_template(p) ? process_template(p) : "-");
    text_puts(&line->cell[STATUS], status_label(p->status));
    double part = status_is_complete(p->status) ? 1
                  : g->iterations ? (double)g->iteration / (double)g->iterations
                                  : 0;
    text_printf(&line->cell[PROGRESS], "%d%%",
                (int)(100 * (part > 1 ? 1 : part)));
    show_eta(r, &line->cell[TIME_LEFT], NULL);
    text_resize(&line->cell[TIME_LEFT], line->cell[TIME_LEFT].size - 1);
    if (isnan(g->best_average_precision))
        text_puts(&line->cell[BEST_AP], "-");
    else
        text_put_double(&line->cell[BEST_AP], g->best_average_precision, 4);
}

static void fill_line(struct line *line, struct show_request *r,
                      const struct object *machine, int64_t *mtime)
{
    struct object o = OBJECT_INIT;
    struct process p;
    struct machine_facts facts;
    fill_machine(line, r, machine, &facts, mtime);
    if (object_find(r->txn, TREE_PROCESSES, machine->name, &o) == 0 &&
        process_decode(&o, &p) == 0) {
        struct show_request one = {
            .primo = r->primo, .txn = r->txn, .process = &p};
        fill_process(line, &one);
        *mtime = o.mtime > *mtime ? o.mtime : *mtime;
        process_release(&p);
    } else {
        for (int i = PROCESS; i <= BEST_AP; i++)
            text_puts(&line->cell[i], i == PROCESS ? _("none") : "-");
    }
    object_release(&o);
}

static void widen(const struct line *line, size_t *width)
{
    for (int i = 0; i < COLUMNS; i++) {
        const struct text *c = &line->cell[i];
        size_t n = utf8_count(text_string(c), c->size);
        width[i] = n > width[i] ? n : width[i];
    }
}

/* Goes over the machines: without `out` to measure the columns, then, with
 * `out`, to print the lines of a table. */
static void each_machine(struct show_request *r, struct text *out,
                         const struct table *t, size_t *width, int64_t *mtime)
{
    struct object machine = OBJECT_INIT;
    uint64_t after = 0;
    while (object_next(r->txn, TREE_MACHINES, after, &machine) == 0) {
        struct line line = {0};
        after = machine.id;
        fill_line(&line, r, &machine, mtime);
        if (out)
            line_print(out, &line, t, width);
        else
            widen(&line, width);
        line_release(&line);
        object_release(&machine);
    }
}

/* Says of a machine elsewhere since when it is reached, or since when not, and
 * why. */
static void reach_print(struct text *out, struct show_request *r,
                        const struct object *machine, bool *any)
{
    struct line line = {0};
    struct machine_facts f;
    struct text since = TEXT_INIT;
    int64_t mtime = 0;
    fill_machine(&line, r, machine, &f, &mtime);
    if (f.elsewhere) {
        text_puts(out, *any ? "" : "\n");
        *any = true;
        if (f.since)
            text_put_time(&since, f.since);
        if (!f.since)
            text_printf(out, _("%s: not connected to yet\n"), machine->name);
        else if (f.reached)
            text_printf(out, _("%s: reached since %s\n"), machine->name,
                        text_string(&since));
        else
            text_printf(out, _("%s: NOT reached since %s: %s\n"), machine->name,
                        text_string(&since), f.unreached);
    }
    text_release(&since);
    line_release(&line);
}

static void reaches_print(struct show_request *r, struct text *out)
{
    struct object machine = OBJECT_INIT;
    uint64_t after = 0;
    bool any = false;
    while (object_next(r->txn, TREE_MACHINES, after, &machine) == 0) {
        after = machine.id;
        reach_print(out, r, &machine, &any);
        object_release(&machine);
    }
}

/* The text also changes when a line comes or goes. */
static void note_mtime(struct show_request *r, int64_t mtime)
{
    for (int i = 0; i < 2; i++) {
        int64_t changed = times_get(&r->primo->directories,
                                    i ? TREE_MACHINES : TREE_PROCESSES);
        mtime = changed > mtime ? changed : mtime;
    }
    r->mtime = mtime;
}

int show_overview(struct show_request *r, struct text *out, struct reason *why)
{
    struct line head = {0};
    size_t width[COLUMNS] = {0};
    int64_t mtime = r->primo->opened;
    (void)why;
    for (int i = 0; i < COLUMNS; i++)
        text_puts(&head.cell[i], _(titles[i]));
    widen(&head, width);
    each_machine(r, NULL, NULL, width, &mtime);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        text_puts(out, i ? "\n" : "");
        line_print(out, &head, &tables[i], width);
        each_machine(r, out, &tables[i], width, &mtime);
    }
    reaches_print(r, out);
    line_release(&head);
    note_mtime(r, mtime);
    return 0;
}

/* For programs */

static void put_key(struct text *out, const char *key)
{
    text_printf(out, ",\n  \"%s\": ", key);
}

static void put_text(struct text *out, const char *key, const char *value)
{
    put_key(out, key);
    if (*value)
        json_put_string(out, value);
    else
        text_puts(out, "null");
}

static void put_number(struct text *out, const char *key, double v)
{
    put_key(out, key);
    if (isnan(v))
        text_puts(out, "null");
    else
        text_put_double(out, v, 15);
}

static void process_json(struct text *out, struct show_request *r)
{
    const struct process *p = r->process;
    const struct progress *g = &p->progress;
    struct text eta = TEXT_INIT;
    show_eta(r, &eta, NULL);
    text_resize(&eta, eta.size - 1);
    put_key(out, "enabled");
    text_puts(out, p->enabled ? "true" : "false");
    put_text(out, "template", process_template(p));
    put_text(out, "status", status_name(p->status));
    put_text(out, "stage", status_is_live(p->status) ? p->stage : "");
    put_number(out, "iteration", (double)g->iteration);
    put_number(out, "iterations", (double)g->iterations);
    put_text(out, "eta", text_string(&eta));
    put_number(out, "best_average_precision", g->best_average_precision);
    put_text(out, "reason", p->reason);
    text_release(&eta);
}

/* Only of machines elsewhere. */
static void reach_json(struct text *out, const struct machine_facts *f)
{
    struct text since = TEXT_INIT;
    if (!f->elsewhere)
        return;
    if (f->since)
        text_put_time(&since, f->since);
    put_key(out, "reached");
    text_puts(out, f->reached ? "true" : "false");
    put_text(out, "reached_since", f->reached ? text_string(&since) : "");
    put_text(out, "unreached_since", f->reached ? "" : text_string(&since));
    put_text(out, "unreached_reason", f->unreached);
    text_release(&since);
}

static void machine_json(struct text *out, struct show_request *r,
                         const struct object *machine, int64_t *mtime)
{
    struct line line = {0};
    struct machine_facts f;
    struct object o = OBJECT_INIT;
    struct process p;
    bool yes = fill_machine(&line, r, machine, &f, mtime);
    text_puts(out, "{\n  \"machine\": ");
    json_put_string(out, machine->name);
    put_key(out, "available");
    text_puts(out, yes ? "true" : "false");
    put_number(out, "cores", f.cores ? f.cores : NAN);
    put_number(out, "memory", f.memory ? (double)f.memory : NAN);
    put_number(out, "load", f.load);
    put_text(out, "trainer", f.trainer);
    put_text(out, "processor", f.processor);
    reach_json(out, &f);
    if (object_find(r->txn, TREE_PROCESSES, machine->name, &o) == 0 &&
        process_decode(&o, &p) == 0) {
        struct show_request one = {
            .primo = r->primo, .txn = r->txn, .process = &p};
        process_json(out, &one);
        *mtime = o.mtime > *mtime ? o.mtime : *mtime;
        process_release(&p);
    } else {
        put_text(out, "status", "");
    }
    text_puts(out, "\n }");
    line_release(&line);
    object_release(&o);
}

show_fn show_overview_json;

int show_overview_json(struct show_request *r, struct text *out,
                       struct reason *why)
{
    struct object machine = OBJECT_INIT;
    uint64_t after = 0;
    int64_t mtime = r->primo->opened;
    (void)why;
    text_puts(out, "[");
    while (object_next(r->txn, TREE_MACHINES, after, &machine) == 0) {
        text_puts(out, after ? ",\n " : "\n ");
        after = machine.id;
        machine_json(out, r, &machine, &mtime);
        object_release(&machine);
    }
    text_puts(out, "\n]\n");
    note_mtime(r, mtime);
    return 0;
}
