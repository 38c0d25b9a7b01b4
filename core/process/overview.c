/* The file `overview`: one line for each machine, in columns. */
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
    CORES,
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

static void put_width(struct text *out, const struct text *cell, size_t width)
{
    text_puts(out, text_string(cell));
    size_t n = utf8_count(text_string(cell), cell->size);
    for (; n < width + 2; n++)
        text_puts(out, " ");
}

static void line_print(struct text *out, const struct line *line,
                       const size_t *width)
{
    for (int i = 0; i < COLUMNS; i++)
        put_width(out, &line->cell[i], i + 1 < COLUMNS ? width[i] : 0);
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

static void fill_machine(struct line *line, struct show_request *r,
                         const struct object *machine, int64_t *mtime)
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
    text_puts(&line->cell[AVAILABLE], yes ? _("yes") : _("no"));
    fill_host(line, s, &f);
    settings_release(s);
    *mtime = machine->mtime > *mtime ? machine->mtime : *mtime;
    *mtime = f.changed > *mtime ? f.changed : *mtime;
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
    fill_machine(line, r, machine, mtime);
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
 * `out`, to print the lines. */
static void each_machine(struct show_request *r, struct text *out,
                         size_t *width, int64_t *mtime)
{
    struct object machine = OBJECT_INIT;
    uint64_t after = 0;
    while (object_next(r->txn, TREE_MACHINES, after, &machine) == 0) {
        struct line line = {0};
        after = machine.id;
        fill_line(&line, r, &machine, mtime);
        if (out)
            line_print(out, &line, width);
        else
            widen(&line, width);
        line_release(&line);
        object_release(&machine);
    }
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
    each_machine(r, NULL, width, &mtime);
    line_print(out, &head, width);
    each_machine(r, out, width, &mtime);
    line_release(&head);
    /* The text also changes when a line comes or goes. */
    for (int i = 0; i < 2; i++) {
        int64_t changed = times_get(&r->primo->directories,
                                    i ? TREE_MACHINES : TREE_PROCESSES);
        mtime = changed > mtime ? changed : mtime;
    }
    r->mtime = mtime;
    return 0;
}
