#include "core/process/reach.h"

#include "core/process/process.h"

/* Reads the machine on which a run is. Returns whether there is one; then the
 * caller releases it. */
static bool target_read(struct show_request *r, const char *launcher,
                        uint64_t run, struct launch_target *target)
{
    struct text text = TEXT_INIT;
    target->site = launch_site_find(&r->primo->sites, launcher);
    settings_init(&target->machine);
    bool found = target->site &&
                 blob_get(r->txn, run, RUN_MACHINE, &text) == 0 &&
                 settings_parse(&target->machine, text_string(&text), text.size,
                                SCOPE_MACHINE, "", NULL) == 0;
    text_release(&text);
    if (!found)
        settings_release(&target->machine);
    return found;
}

bool run_reach(struct show_request *r, const char *launcher, uint64_t run,
               struct machine_facts *out)
{
    struct launch_target target;
    out->elsewhere = false;
    if (target_read(r, launcher, run, &target)) {
        target.site->launcher->facts(&target, out);
        settings_release(&target.machine);
    }
    return out->elsewhere;
}

bool process_reach(struct show_request *r, struct machine_facts *out)
{
    const struct process *p = r->process;
    out->elsewhere = false;
    return status_is_live(p->status) && run_reach(r, p->launcher, p->run, out);
}

bool reach_put(const struct machine_facts *facts, struct text *out)
{
    if (!facts->since || facts->reached)
        return false;
    text_put_time(out, facts->since);
    text_printf(out, " %s", facts->unreached);
    return true;
}

void process_waits(struct show_request *r, struct text *out)
{
    const struct process *p = r->process;
    if (status_is_live(p->status))
        run_waits(r, p->launcher, p->run, out);
}

void run_waits(struct show_request *r, const char *launcher, uint64_t run,
               struct text *out)
{
    struct launch_target target;
    if (!target_read(r, launcher, run, &target))
        return;
    if (target.site->launcher->waits)
        target.site->launcher->waits(&target, run, out);
    settings_release(&target.machine);
}
