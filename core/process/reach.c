#include "core/process/reach.h"

#include "core/process/process.h"

/* Reads the machine on which a live process has its run. Returns whether there
 * is one; then the caller releases it. */
static bool target_read(struct show_request *r, struct launch_target *target)
{
    const struct process *p = r->process;
    struct text text = TEXT_INIT;
    target->site = launch_site_find(&r->primo->sites, p->launcher);
    settings_init(&target->machine);
    bool found = status_is_live(p->status) && target->site &&
                 blob_get(r->txn, p->run, RUN_MACHINE, &text) == 0 &&
                 settings_parse(&target->machine, text_string(&text), text.size,
                                SCOPE_MACHINE, "", NULL) == 0;
    text_release(&text);
    if (!found)
        settings_release(&target->machine);
    return found;
}

bool process_reach(struct show_request *r, struct machine_facts *out)
{
    struct launch_target target;
    out->elsewhere = false;
    if (target_read(r, &target)) {
        target.site->launcher->facts(&target, out);
        settings_release(&target.machine);
    }
    return out->elsewhere;
}

void process_waits(struct show_request *r, struct text *out)
{
    struct launch_target target;
    if (target_read(r, &target)) {
        if (target.site->launcher->waits)
            target.site->launcher->waits(&target, r->process->run, out);
        settings_release(&target.machine);
    }
}
