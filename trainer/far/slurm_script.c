#include "trainer/far/slurm.h"

#include "core/basic/alloc.h"
#include "core/far/quote.h"

#include <inttypes.h>
#include <stdlib.h>

void slurm_name(const struct slurm_place *p, uint64_t run, struct text *out)
{
    text_printf(out, "primofs.%.8s.", p->id);
    if (run)
        text_printf(out, "%" PRIu64, run);
}

/* B: only the shell is signalled, a minute before the time limit. What a worker
 * had been told the next one must be told anew, so that it is not requeued but
 * submitted again. */
static void put_head(const struct slurm_place *p, uint64_t run,
                     const struct slurm_work *work, struct text *out)
{
    text_puts(out, "#!/bin/sh\n#SBATCH --job-name=");
    slurm_name(p, run, out);
    text_printf(out,
                "\n#SBATCH --%s\n"
                "#SBATCH --signal=B:TERM@60\n"
                "#SBATCH --open-mode=append\n"
                "#SBATCH --output=slurm.out\n",
                work->serve ? "no-requeue" : "requeue");
    text_add(out, work->options->data, work->options->size);
}

/* flock says 1 where the lock is taken, and something else where the file
 * system has no locks; the trainer has one of its own besides. 4 is
 * RUN_INTERRUPTED. A job that was cancelled must not be requeued, and one that
 * is being requeued need not be. */
static const char locked[] = "[ $? != 1 ] || exit 1\n";
static const char again[] =
    "# A job that was requeued begins the next segment of the journal.\n"
    "[ \"${SLURM_RESTART_COUNT:-0}\" = 0 ] ||\n"
    "    sed -i 's/^segment = .*/segment = 0/' job\n"
    "PRIMOFS_AGAIN=1\n"
    "export PRIMOFS_AGAIN\n";
static const char start_one[] =
    "\"$program\" $use \"$PWD\" 3>&3 >stderr 2>&1 &\n"
    "trainer=$!\n"
    "trap 'kill -TERM $trainer' TERM\n";
/* srun answers TERM by killing all tasks, and passes USR1 on. It does not end
 * them when one has ended: primo-nodes sees to that. */
static const char start_several[] =
    "srun --mpi=pmix --cpu-bind=none --kill-on-bad-exit=0 --wait=60 \\\n"
    "    ${SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK} \\\n"
    "    \"$nodes\" \"$program\" --run \"$PWD\" 3>&3 >stderr 2>&1 &\n"
    "trainer=$!\n"
    "trap 'kill -USR1 $trainer' TERM\n";
static const char after[] =
    "wait $trainer\n"
    "status=$?\n"
    "while [ $status -gt 128 ] && kill -0 $trainer 2>/dev/null; do\n"
    "    wait $trainer # a signal has ended only the waiting\n"
    "    status=$?\n"
    "done\n"
    "if [ $status = 4 ]; then # interrupted, with a checkpoint\n"
    "    ! scontrol show job \"$SLURM_JOB_ID\" | grep -q JobState=RUNNING ||\n"
    "        scontrol requeue \"$SLURM_JOB_ID\"\n"
    "    exit 0\n"
    "fi\n"
    "echo $status >>slurm.ended\n"
    "exit $status\n";

void slurm_script_print(const struct slurm_place *p, uint64_t run,
                        const char *token, const struct slurm_work *work,
                        struct text *out)
{
    char *path = xstrfmt("%s/%" PRIu64, p->runs, run);
    char *lock = xstrfmt("%s.lock", path);
    put_head(p, run, work, out);
    text_puts(out, "cd ");
    put_quoted(out, path);
    text_puts(out, " || exit 1\nprogram=");
    put_quoted(out, p->program);
    if (work->nodes) {
        text_puts(out, "\nnodes=");
        put_quoted(out, work->nodes);
    } else {
        text_printf(out, "\nuse=--%s", work->serve ? "serve" : "run");
    }
    text_printf(out,
                "\n# Only the newest job of a run works, and only one.\n"
                "[ \"$(cat slurm.token)\" = %s ] || exit 0\nexec 3>>",
                token);
    put_quoted(out, lock);
    text_puts(out, "\nflock -w 120 3\n");
    text_puts(out, locked);
    if (!work->serve)
        text_puts(out, again);
    text_puts(out, work->nodes ? start_several : start_one);
    text_puts(out, after);
    free(lock);
    free(path);
}
