/* The file `overview`: one line a machine, in columns. */
#include "language.h"
#include "settings.h"
#include "show.h"
#include "tree.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 8 };

struct line {
    struct text cell[COLUMNS];
};

static const char *const titles[COLUMNS] = {
    N_("machine"), N_("available"), N_("process"),   N_("template"),
    N_("status"),  N_("progress"),  N_("time left"), N_("best AP")};

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

static bool machine_available(const struct object *machine)
{
    struct settings s;
    settings_init(&s);
    int err = settings_parse(&s, text_string(&machine->body),
                             machine->body.size, SCOPE_MACHINE, "", NULL);
    bool yes = err == 0 && !strcmp(settings_get(&s, KEY_ENABLED), "yes");
    settings_release(&s);
    return yes;
}

static void fill_process(struct line *line, struct show_request *r)
{
    const struct process *p = r->process;
    const struct progress *g = &p->progress;
    text_puts(&line->cell[2], p->enabled ? _("enabled") : _("disabled"));
    text_puts(&line->cell[3], *process_template(p) ? process_template(p) : "-");
    text_puts(&line->cell[4], status_label(p->status));
    double part = p->status == STATUS_SUCCEEDED ? 1
                  : g->iterations ? (double)g->iteration / (double)g->iterations
                                  : 0;
    text_printf(&line->cell[5], "%d%%", (int)(100 * (part > 1 ? 1 : part)));
    show_eta(r, &line->cell[6], NULL);
    text_resize(&line->cell[6], line->cell[6].size - 1);
    if (isnan(g->best_average_precision))
        text_puts(&line->cell[7], "-");
    else
        text_put_double(&line->cell[7], g->best_average_precision, 4);
}

static void fill_line(struct line *line, struct show_request *r,
                      const struct object *machine, int64_t *mtime)
{
    struct object o = OBJECT_INIT;
    struct process p;
    text_puts(&line->cell[0], machine->name);
    text_puts(&line->cell[1], machine_available(machine) ? _("yes") : _("no"));
    if (object_find(r->txn, TREE_PROCESSES, machine->name, &o) == 0 &&
        process_decode(&o, &p) == 0) {
        struct show_request one = {
            .primo = r->primo, .txn = r->txn, .process = &p};
        fill_process(line, &one);
        *mtime = o.mtime > *mtime ? o.mtime : *mtime;
        process_release(&p);
    } else {
        for (int i = 2; i < COLUMNS; i++)
            text_puts(&line->cell[i], i == 2 ? _("none") : "-");
    }
    object_release(&o);
    *mtime = machine->mtime > *mtime ? machine->mtime : *mtime;
}

static void widen(const struct line *line, size_t *width)
{
    for (int i = 0; i < COLUMNS; i++) {
        const struct text *c = &line->cell[i];
        size_t n = utf8_count(text_string(c), c->size);
        width[i] = n > width[i] ? n : width[i];
    }
}

/* Two passes over the machines: how wide, then the lines. */
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
    for (int i = 0; i < 2; i++) { /* a line more or less */
        int64_t changed = times_get(&r->primo->directories,
                                    i ? TREE_MACHINES : TREE_PROCESSES);
        mtime = changed > mtime ? changed : mtime;
    }
    r->mtime = mtime;
    return 0;
}
