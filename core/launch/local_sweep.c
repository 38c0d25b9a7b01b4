#include "core/launch/local_inside.h"

#include "core/basic/clock.h"
#include "core/system/directory.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Removes a run directory, then its lock file; if only the latter is left after
 * a crash, the next sweep finds it. -EAGAIN: the directory has more entries
 * than are removed in one call. */
static int discard(const struct launch_site *site, uint64_t run)
{
    child_forget(&local_of(site)->children, run);
    int runs = directory_open(site->runs, NULL);
    if (runs < 0)
        return runs;
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, run);
    int err = directory_remove(runs, name, NULL);
    close(runs);
    if (err)
        return err;
    char *lock = local_path(site, run, ".lock");
    unlink(lock);
    free(lock);
    return 0;
}

/* Asks a trainer that trains for nobody to stop, and kills it when it does not
 * stop in time. */
static void orphan_stop(const struct launch_site *site, uint64_t run)
{
    struct local *l = local_of(site);
    if (!l->orphan_time)
        l->orphan_time = monotonic_now();
    if (monotonic_now() - l->orphan_time > LAUNCH_STOP_SECONDS)
        local_end(site, run);
    else
        local_ask_to_stop(site, run, NULL);
}

/* The run to which a name in STATE/runs belongs, 0 = none. */
static uint64_t run_of(const char *name)
{
    char *end;
    uint64_t run = strtoull(name, &end, 10);
    return *end && strcmp(end, ".lock") ? 0 : run;
}

/* Deals with a run that nobody needs. Returns 0 when it is gone, 1 when
 * something of it is left, or the error for which it stays. */
static int run_sweep(const struct launch_site *site, uint64_t run,
                     const struct launch_sweep *sweep, bool *orphan)
{
    if (local_is_alive(site, run)) {
        *orphan = true;
        orphan_stop(site, run);
        return 1;
    }
    int err = sweep->rescue(sweep->context, run);
    if (err)
        return err;
    if (discard(site, run) == -EAGAIN)
        return 1;
    sweep->dropped(sweep->context, run);
    return 0;
}

int local_sweep(const struct launch_site *site,
                const struct launch_sweep *sweep)
{
    DIR *dir = opendir(site->runs);
    struct dirent *e;
    int left = 0, err = 0;
    bool orphan = false;
    while (dir && err >= 0 && (e = readdir(dir))) {
        uint64_t run = run_of(e->d_name);
        if (!run)
            continue;
        err = sweep->needed(sweep->context, run);
        if (err == 0)
            err = run_sweep(site, run, sweep, &orphan);
        else if (err > 0)
            err = 0;
        left |= err > 0;
    }
    if (dir)
        closedir(dir);
    if (!orphan)
        local_of(site)->orphan_time = 0;
    return err < 0 ? err : left;
}
