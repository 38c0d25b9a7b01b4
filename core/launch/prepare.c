#include "core/launch/prepare.h"

#include "core/launch/decoded.h"
#include "core/network/safetensors_header.h"
#include "core/system/directory.h"
#include "core/system/file.h"
#include "core/system/foreign.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static int write_job(int dir, const struct run_job *job, struct reason *why)
{
    const struct {
        const char *name;
        const struct text *text;
    } files[] = {
        {"job", &job->job}, {"template", &job->template}, {"type", &job->type}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct text *t = files[i].text;
        int err = file_save(dir, files[i].name, text_string(t), t->size, why);
        if (err)
            return err;
    }
    return 0;
}

static int directory_make(const char *runs, uint64_t run,
                          const struct run_job *job, struct reason *why)
{
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, run);
    int parent = directory_open(runs, why);
    if (parent < 0)
        return parent;
    int dir = foreign_make(parent, name, job->uid, job->gid, why);
    int err = dir < 0 ? dir : directory_sync(parent, why);
    if (err == 0)
        decoded_lend(parent, dir, job);
    close(parent);
    if (dir >= 0 && err)
        close(dir);
    return err ? err : dir;
}

int run_prepare(const char *runs, uint64_t run, const struct run_job *job,
                struct reason *why)
{
    int dir = directory_make(runs, run, job, why);
    if (dir < 0)
        return dir;
    unlinkat(dir, "stop", 0);
    int err = write_job(dir, job, why);
    if (err == 0 && *job->base)
        err = file_link(job->base_dir, job->base, dir, "base",
                        SAFETENSORS_FILE_MAX, why);
    if (err)
        close(dir);
    return err ? err : dir;
}
