/*
 * The launcher `slurm`: a run on another host, or on this one, whose trainer
 * Slurm starts on one of its nodes. sbatch and squeue are called by
 * `primo-train
 * --far` on the host to which the link leads (trainer/far/slurm.h); the run
 * directory is on a disk that this host shares with the nodes, so that all but
 * starting, stopping and dying is as it is with ssh.
 */
#include "core/far/dataset.h"
#include "core/far/link.h"
#include "core/far/ssh.h"

#include "core/basic/language.h"
#include "core/basic/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *slurm_open(const struct launch_site *site)
{
    return link_set_new(site, true);
}

/* The end of a job, as Slurm calls it. */
static const struct {
    const char *state;
    const char *words; /* for people */
    bool meant;        /* somebody has ended it, who may not want it again */
} ends[] = {
    {"BOOT_FAIL", N_("its node did not start"), false},
    {"CANCELLED", N_("it was cancelled"), true},
    {"COMPLETED", N_("it ended"), false},
    {"DEADLINE", N_("its deadline is over"), false},
    {"FAILED", N_("it failed"), false},
    {"NODE_FAIL", N_("its node failed"), false},
    {"OUT_OF_MEMORY", N_("it ran out of memory"), false},
    {"PREEMPTED", N_("other jobs took its place"), false},
    {"REVOKED", N_("it was revoked"), true},
    {"TIMEOUT", N_("its time limit is over"), false},
};
enum { ENDS = sizeof ends / sizeof *ends };

static int end_find(const char *state)
{
    int i = 0;
    while (i < ENDS && strcmp(ends[i].state, state))
        i++;
    return i;
}

/* Start */

/* What is said of a job is said as options; Slurm takes the last of those that
 * contradict each other. One host answers requests. */
static void options_print(const struct settings *s, bool serve,
                          struct text *out)
{
    if (!serve && settings_number(s, KEY_NODES) > 1)
        text_printf(out, "#SBATCH --nodes=%s\n#SBATCH --ntasks-per-node=1\n",
                    settings_get(s, KEY_NODES));
    const struct {
        enum key key;
        const char *option, *unsaid;
    } said[] = {
        {KEY_PARTITION, "--partition=", ""},
        {KEY_TIME, "--time=", ""},
        {KEY_THREADS, "--cpus-per-task=", "auto"},
        {KEY_MEMORY, "--mem=", "none"},
        {KEY_OPTIONS, "", ""},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        const char *value = settings_get(s, said[i].key);
        if (*value && strcmp(value, said[i].unsaid))
            text_printf(out, "#SBATCH %s%s\n", said[i].option, value);
    }
}

/* A service may want another number of threads than its machine's. */
static void job_options_print(const struct settings *machine,
                              const struct run_job *job, struct text *out)
{
    struct settings s = *machine, of;
    settings_init(&of);
    if (job->serve && settings_parse(&of, text_string(&job->job), job->job.size,
                                     SCOPE_JOB, "", NULL) == 0)
        s.value[KEY_THREADS] = of.value[KEY_THREADS];
    options_print(&s, job->serve, out);
    settings_release(&of);
}

/* A job that is known to be gone is named, so that it does not count as one
 * that was submitted just now. */
static int slurm_start(const struct launch_target *target, uint64_t run,
                       const struct run_job *job, struct reason *why)
{
    struct link *l = link_of(target);
    struct link_run *r = link_run(l, run);
    struct far_line in = {
        .verb = FAR_submit, .run = run, .a = r->gone, .b = job->serve};
    struct text options = TEXT_INIT;
    job_options_print(&target->machine, job, &options);
    int err = ssh_start_as(target, &in, job, &options, why);
    if (err && err != -EINPROGRESS && in.size == 0 &&
        !strncmp(why->sentence, "step ", 5))
        reason_prefix(why, "host '%s', ", *l->host ? l->host : "localhost");
    text_release(&options);
    return err;
}

static int slurm_script(const struct launch_target *target, uint64_t run,
                        struct text *out)
{
    struct far_line in = {.verb = FAR_script, .run = run};
    return link_ask(link_of(target), &in, NULL, NULL, out, NULL);
}

/* Watch */

/* The trainer itself says when it has ended. Where it could not, as when its
 * node failed, the queue knows. */
static int slurm_alive(const struct launch_target *target, uint64_t run)
{
    struct link *l = link_of(target);
    struct link_run *r = link_run(l, run);
    struct link_job known;
    uint64_t job;
    int alive = ssh_alive_with(l, run, &job);
    if (alive <= 0)
        return alive;
    link_set_job(l, r, job);
    if (link_job(l, r, &known) && end_find(known.state) == ENDS)
        return 1;
    r->gone = job;
    return 0;
}

static bool slurm_last_words(const struct launch_target *target, uint64_t run,
                             struct text *out)
{
    struct text words = TEXT_INIT;
    char state[80];
    ssh_words(link_of(target), run, state, &words);
    char *job = strchr(state, ' ');
    if (job)
        *job++ = 0;
    int i = end_find(state);
    if (job && i < ENDS)
        text_printf(out, _("Slurm's job %s, %s: %s"), job, state,
                    _(ends[i].words));
    else if (job)
        text_printf(out, _("Slurm's job %s, %s"), job, state);
    if (words.size)
        text_printf(out, "%s%s", out->size ? "; " : "", text_string(&words));
    text_release(&words);
    return i < ENDS && ends[i].meant;
}

/* Where a job is; times are UTC. */
static void job_print(unsigned long long number, const struct link_job *job,
                      struct text *out)
{
    bool waits = !strcmp(job->state, "PENDING");
    if (waits && *job->start >= '0' && *job->start <= '9')
        text_printf(out,
                    _("Slurm's job %llu waits (%s), and is expected to start "
                      "at %sZ"),
                    number, job->reason, job->start);
    else if (waits)
        text_printf(out, _("Slurm's job %llu waits (%s)"), number, job->reason);
    else if (*job->nodes)
        text_printf(out, _("Slurm's job %llu, on %s"), number, job->nodes);
    else
        text_printf(out, _("Slurm's job %llu"), number);
}

static void slurm_waits(const struct launch_target *target, uint64_t run,
                        struct text *out)
{
    struct link *l = link_of(target);
    struct link_run *r = link_run(l, run);
    struct link_job known;
    char fault[400];
    uint64_t job = link_job_number(l, r, fault, sizeof fault);
    size_t had = out->size;
    dataset_said(l, run, out);
    if (!job || out->size > had)
        return;
    link_job(l, r, &known);
    job_print(job, &known, out);
    if (*fault)
        text_printf(out, "; %s", fault);
}

const struct launcher launcher_slurm = {
    .name = "slurm",
    .queues = true,
    .open = slurm_open,
    .close = ssh_close,
    .end = ssh_end,
    .want = ssh_want,
    .facts = ssh_facts,
    .unswept = ssh_unswept,
    .sweep = ssh_sweep,
    .start = slurm_start,
    .alive = slurm_alive,
    .follow = ssh_follow,
    .tell = ssh_tell,
    .give = ssh_give,
    .fetch = ssh_fetch,
    .fetch_text = ssh_fetch_text,
    .stop = ssh_stop,
    .kill = ssh_kill,
    .last_words = slurm_last_words,
    .waits = slurm_waits,
    .script = slurm_script,
};
