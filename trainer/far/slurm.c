#include "trainer/far/slurm.h"

#include "core/basic/alloc.h"
#include "core/far/protocol.h"
#include "core/launch/prepare.h"
#include "core/launch/spawn.h"
#include "core/system/file.h"
#include "core/system/foreign.h"
#include "trainer/far/command.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { SETTLE_TRIES = 6 };

/* The files of a run */

static void word_read(int dir, const char *name, char *out, size_t size)
{
    struct text t = TEXT_INIT;
    *out = 0;
    if (foreign_read(dir, name, 200, &t, NULL) == 0)
        snprintf(out, size, "%.*s", (int)strcspn(text_string(&t), "\n"),
                 text_string(&t));
    text_release(&t);
}

static int word_write(int dir, const char *name, const char *word,
                      struct reason *why)
{
    char line[100];
    snprintf(line, sizeof line, "%s\n", word);
    return file_save(dir, name, line, *word ? strlen(line) : 0, why);
}

bool slurm_has(int dir)
{
    return faccessat(dir, "slurm.token", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static uint64_t job_read(int dir)
{
    char word[40];
    word_read(dir, "slurm.job", word, sizeof word);
    return strtoull(word, NULL, 10);
}

int slurm_alive(int dir, uint64_t *job)
{
    char ended[40];
    *job = job_read(dir);
    word_read(dir, "slurm.ended", ended, sizeof ended);
    return *job && !*ended;
}

/* Asking Slurm */

/* Reads KEY=WORD of what scontrol shows. */
static void shown_read(const struct text *said, const char *key, char *out,
                       size_t size)
{
    const char *at = strstr(text_string(said), key);
    *out = 0;
    if (at) {
        at += strlen(key);
        snprintf(out, size, "%.*s", (int)strcspn(at, " \n"), at);
    }
}

static void state_read(uint64_t job, char *out, size_t size)
{
    char number[32];
    struct text said = TEXT_INIT;
    snprintf(number, sizeof number, "%" PRIu64, job);
    const char *const words[] = {"scontrol", "show", "job", number, NULL};
    *out = 0;
    if (job && command_run(words, &said, NULL) == 0)
        shown_read(&said, "JobState=", out, size);
    if (!*out)
        snprintf(out, size, "UNKNOWN");
    text_release(&said);
}

static bool is_one_of(const char *state, const char *list)
{
    size_t n = strlen(state);
    const char *at = strstr(list, state);
    return n && at && (at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n]);
}

void slurm_state(int dir, struct text *out)
{
    uint64_t job = job_read(dir);
    char state[64];
    for (int i = 0; i < SETTLE_TRIES; i++) {
        struct timespec rest = {0, 500000000};
        state_read(job, state, sizeof state);
        if (!is_one_of(state, "RUNNING COMPLETING STAGE_OUT SIGNALING"))
            break;
        nanosleep(&rest, NULL);
    }
    text_printf(out, "%s %" PRIu64, state, job);
}

int slurm_queue(const struct slurm_place *p, struct text *out,
                struct reason *why)
{
    struct text said = TEXT_INIT, name = TEXT_INIT;
    char user[40], *rest = NULL;
    snprintf(user, sizeof user, "%u", (unsigned)geteuid());
    const char *const words[] = {
        "env", "TZ=UTC", "squeue", "--noheader",        "--states=all",
        "-u",  user,     "-o",     "%j|%i|%T|%r|%S|%N", NULL};
    int err = command_run(words, &said, why);
    slurm_name(p, 0, &name);
    for (char *line = err || !said.size ? NULL
                                        : strtok_r(said.data, "\n", &rest);
         line; line = strtok_r(NULL, "\n", &rest))
        if (!strncmp(line, text_string(&name), name.size) &&
            out->size + strlen(line) < FAR_BYTES)
            text_printf(out, "%s\n", line + name.size);
    text_release(&name);
    text_release(&said);
    return err;
}

/* Submitting */

/* Cancels what may be left of earlier jobs of the run, whatever their numbers:
 * a word from sbatch may have been lost. */
static int earlier_cancel(const struct slurm_place *p, uint64_t run,
                          struct reason *why)
{
    struct text name = TEXT_INIT, said = TEXT_INIT;
    char user[40];
    snprintf(user, sizeof user, "%u", (unsigned)geteuid());
    slurm_name(p, run, &name);
    const char *const words[] = {"scancel", "--quiet",          "-u", user,
                                 "--name",  text_string(&name), NULL};
    int err = command_run(words, &said, why);
    text_release(&said);
    text_release(&name);
    return err;
}

static void token_make(char out[33])
{
    uint8_t bytes[16] = {0};
    if (getrandom(bytes, sizeof bytes, 0) < 0)
        memset(bytes, (int)time(NULL), sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* The files that the job finds. Those that it writes to are there before, so
 * that no network file system remembers for a while that they are not. */
static int files_write(const struct slurm_place *p, int dir, uint64_t run,
                       const struct slurm_work *work, struct reason *why)
{
    struct text script = TEXT_INIT;
    char token[33];
    token_make(token);
    slurm_script_print(p, run, token, work, &script);
    int err = word_write(dir, "slurm.job", "", why);
    if (err == 0)
        err = word_write(dir, "slurm.token", token, why);
    if (err == 0)
        err = word_write(dir, "slurm.ended", "", why);
    if (err == 0)
        err = file_save(dir, "slurm.sh", script.data, script.size, why);
    text_release(&script);
    return err;
}

/* The last line that begins with a digit is the job's number. */
static uint64_t number_find(struct text *said)
{
    uint64_t number = 0;
    char *rest = NULL;
    for (char *line = said->size ? strtok_r(said->data, "\n", &rest) : NULL;
         line; line = strtok_r(NULL, "\n", &rest))
        if (isdigit((unsigned char)*line))
            number = strtoull(line, NULL, 10);
    return number;
}

/* Whether the controller is away, which is no fault of the job. */
static bool is_away(int err, const struct reason *why)
{
    return err == -ETIMEDOUT || strstr(why->sentence, "Unable to contact");
}

static int job_send(const struct slurm_place *p, int dir, uint64_t run,
                    struct reason *why)
{
    struct text said = TEXT_INIT;
    struct reason own = REASON_INIT;
    char number[32];
    char *path = xstrfmt("%s/%" PRIu64, p->runs, run);
    char *chdir = xstrfmt("--chdir=%s", path);
    char *script = xstrfmt("%s/slurm.sh", path);
    const char *const words[] = {"sbatch", "--parsable", chdir, script, NULL};
    int err = command_run(words, &said, &own);
    uint64_t job = err ? 0 : number_find(&said);
    if (err == 0 && !job)
        err = refuse(&own, EIO, "sbatch has said no number");
    if (err)
        err = refuse(why, is_away(err, &own) ? EHOSTUNREACH : EIO,
                     "step 'sbatch': %.300s; to try by hand: sbatch "
                     "--chdir=%s %s",
                     own.sentence, path, script);
    snprintf(number, sizeof number, "%" PRIu64, job);
    if (err == 0)
        err = word_write(dir, "slurm.job", number, why);
    text_release(&said);
    free(script);
    free(chdir);
    free(path);
    return err;
}

/* Whether the run was submitted with this job, which is not known to be over.
 */
static bool is_submitted(const struct slurm_place *p, uint64_t run,
                         const struct run_job *job, uint64_t gone)
{
    char *path = xstrfmt("%s/%" PRIu64, p->runs, run);
    struct text had = TEXT_INIT;
    uint64_t number;
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    bool same = dir >= 0 && slurm_alive(dir, &number) && number != gone &&
                foreign_read(dir, "job", 1 << 16, &had, NULL) == 0 &&
                had.size == job->job.size &&
                !memcmp(text_string(&had), text_string(&job->job), had.size);
    if (dir >= 0)
        close(dir);
    text_release(&had);
    free(path);
    return same;
}

/* Several hosts train together: finds the program that connects them. */
static int nodes_take(const struct slurm_place *p, const struct run_job *job,
                      char **nodes, struct reason *why)
{
    struct settings s;
    settings_init(&s);
    int err = settings_parse(&s, text_string(&job->job), job->job.size,
                             SCOPE_JOB, "", why);
    bool several =
        err == 0 && !job->serve && settings_number(&s, KEY_NODES) > 1;
    *nodes = several ? nodes_program_find(p->program) : NULL;
    settings_release(&s);
    if (several && !*nodes)
        return refuse(why, ENOENT,
                      "step 'nodes': there is no primo-nodes beside %s; it is "
                      "built where libopenmpi-dev is installed",
                      p->program);
    return err;
}

static int submit_with(const struct slurm_place *p, uint64_t run,
                       const struct run_job *job, const struct slurm_work *work,
                       struct reason *why)
{
    int dir = run_prepare(p->runs, run, job, why);
    if (dir < 0)
        return dir;
    int err = slurm_has(dir) ? earlier_cancel(p, run, why) : 0;
    if (err)
        err = -EHOSTUNREACH;
    if (err == 0)
        err = files_write(p, dir, run, work, why);
    if (err == 0)
        err = job_send(p, dir, run, why);
    close(dir);
    return err;
}

int slurm_submit(const struct slurm_place *p, uint64_t run,
                 const struct run_job *job, const struct text *options,
                 uint64_t gone, struct reason *why)
{
    if (is_submitted(p, run, job, gone))
        return 0;
    char *nodes;
    int err = nodes_take(p, job, &nodes, why);
    const struct slurm_work work = {options, nodes, job->serve};
    if (err == 0)
        err = submit_with(p, run, job, &work, why);
    free(nodes);
    return err;
}

/* Cancelling */

static int job_cancel(const char *how, const char *more, const char *number,
                      struct reason *why)
{
    struct text said = TEXT_INIT;
    const char *const words[] = {"scancel", how, more, number, NULL};
    int err = command_run(words, &said, why);
    text_release(&said);
    return err;
}

int slurm_cancel(int dir, bool hard, struct reason *why)
{
    char number[32], state[64];
    uint64_t job;
    if (!slurm_alive(dir, &job))
        return 0;
    snprintf(number, sizeof number, "%" PRIu64, job);
    int err = job_cancel("--quiet", hard ? "--quiet" : "--state=PENDING",
                         number, why);
    if (err == 0 && !hard)
        err = job_cancel("--batch", "--signal=TERM", number, why);
    state_read(job, state, sizeof state);
    if (is_one_of(state, "CANCELLED COMPLETED FAILED TIMEOUT NODE_FAIL "
                         "OUT_OF_MEMORY PREEMPTED DEADLINE BOOT_FAIL"))
        word_write(dir, "slurm.ended", state, NULL);
    return err;
}
