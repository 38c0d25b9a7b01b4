#include "core/launch/launcher.h"

#include "core/basic/alloc.h"
#include "core/report/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Each launcher is defined at the end of its own file. */
extern const struct launcher launcher_local;
extern const struct launcher launcher_ssh;
extern const struct launcher launcher_slurm;

static const struct launcher *const launchers[] = {
    &launcher_local, &launcher_ssh, &launcher_slurm};

void launch_sites_add(struct launch_sites *s, const struct launcher *launcher,
                      const char *runs, const char *trainer)
{
    ALLOC_GROW(s->list, s->count + 1, s->room);
    struct launch_site *site = &s->list[s->count++];
    *site = (struct launch_site){
        .launcher = launcher, .runs = runs, .trainer = trainer};
    if (launcher->open)
        site->own = launcher->open(site);
}

void launch_sites_open(struct launch_sites *s, const char *runs,
                       const char *trainer)
{
    *s = (struct launch_sites){0};
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
        launch_sites_add(s, launchers[i], runs, trainer);
}

void launch_sites_end(const struct launch_sites *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].launcher->end)
            s->list[i].launcher->end(s->list[i].own);
}

void launch_sites_close(struct launch_sites *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].launcher->close)
            s->list[i].launcher->close(s->list[i].own);
    free(s->list);
    *s = (struct launch_sites){0};
}

const struct launch_site *launch_site_find(const struct launch_sites *s,
                                           const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->list[i].launcher->name, name))
            return &s->list[i];
    return NULL;
}

void launch_sites_look(const struct launch_sites *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].launcher->look)
            s->list[i].launcher->look(&s->list[i]);
}

/* Jobs */

bool run_job_dataset(const struct run_job *job, struct text *out)
{
    struct settings s;
    settings_init(&s);
    const struct text *type = &job->type, *template = &job->template;
    bool good = settings_parse(&s, text_string(type), type->size, SCOPE_TYPE,
                               "", NULL) == 0;
    good &= settings_parse(&s, text_string(template), template->size,
                           SCOPE_TEMPLATE, "", NULL) == 0;
    const char *path = settings_get(&s, KEY_DATASET);
    text_puts(out, path);
    good &= *path != 0;
    settings_release(&s);
    return good;
}

/* The journal */

/* 1 = there is a whole record at that place. */
static int piece_read(const struct launch_target *target, uint64_t run,
                      uint64_t segment, uint64_t offset, struct text *out)
{
    struct journal_record r;
    text_clear(out);
    int err = target->site->launcher->follow(target, run, segment, offset, out);
    if (out->size && journal_unframe(out->data, out->size, &r) > 0)
        return 1;
    text_clear(out);
    return err == -EHOSTUNREACH ? err : 0;
}

/* Once a next segment exists, nothing is ever added to this one, because a new
 * trainer has opened it. */
int launch_piece_next(const struct launch_target *target, uint64_t run,
                      struct launch_piece *piece)
{
    piece->segment = piece->segment ? piece->segment : 1;
    int found =
        piece_read(target, run, piece->segment, piece->offset, &piece->data);
    if (found)
        return found;
    found = piece_read(target, run, piece->segment + 1, 0, &piece->data);
    if (found > 0) {
        piece->segment++;
        piece->offset = 0;
    }
    return found;
}
