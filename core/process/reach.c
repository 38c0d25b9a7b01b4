#include "core/process/reach.h"

#include "core/process/process.h"

bool process_reach(struct show_request *r, struct machine_facts *out)
{
    const struct process *p = r->process;
    struct launch_target target = {
        .site = launch_site_find(&r->primo->sites, p->launcher)};
    struct text text = TEXT_INIT;
    out->elsewhere = false;
    settings_init(&target.machine);
    if (status_is_live(p->status) && target.site &&
        blob_get(r->txn, p->run, RUN_MACHINE, &text) == 0 &&
        settings_parse(&target.machine, text_string(&text), text.size,
                       SCOPE_MACHINE, "", NULL) == 0)
        target.site->launcher->facts(&target, out);
    settings_release(&target.machine);
    text_release(&text);
    return out->elsewhere;
}
