#include "core/serve/serving_run.h"

#include "core/process/process.h"
#include "core/process/run_setup.h"

#include <errno.h>
#include <string.h>

int serving_target_load(struct primo *primo, const struct replica *r,
                        struct launch_target *target, struct reason *why)
{
    struct store_txn *txn;
    struct text text = TEXT_INIT;
    target->site = launch_site_find(&primo->sites, r->launcher);
    if (!target->site || !target->site->launcher->tell)
        return refuse(why, EINVAL,
                      "services cannot run by the launcher '%s' yet",
                      r->launcher);
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    if (blob_get(txn, r->run, RUN_MACHINE, &text) == 0)
        err = settings_parse(&target->machine, text_string(&text), text.size,
                             SCOPE_MACHINE, "machine", why);
    store_abort(txn);
    text_release(&text);
    return err;
}

void serving_job_fill(const struct settings *machine,
                      const struct settings *service, uint64_t segment,
                      uint64_t told, struct run_job *job)
{
    const char *threads = settings_get(service, KEY_SERVICE_THREADS);
    struct settings of = *machine;
    if (strcmp(threads, "auto"))
        of.value[KEY_THREADS] = (char *)threads;
    job_print(&of, "", &job->job);
    text_printf(&job->job, "%s = %llu\n", params[KEY_SEGMENT].key,
                (unsigned long long)segment);
    text_printf(&job->template, "%s = %s\n%s = %llu\n",
                params[KEY_SERVICE_PRECISION].key,
                settings_get(service, KEY_SERVICE_PRECISION),
                params[KEY_TOLD].key, (unsigned long long)told);
    job->serve = true;
}
