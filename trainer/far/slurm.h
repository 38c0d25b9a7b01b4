/*
 * Runs whose trainer is started by Slurm. In their directories, besides what
 * all have, are
 *
 *     slurm.sh      the script of the job
 *     slurm.token   a word: a job that has another one does nothing, so that of
 *                   several jobs of a run only the newest trains
 *     slurm.job     the job's number, once sbatch has said it
 *     slurm.ended   the trainer's exit status, once it has ended for good
 *
 * All jobs of a state directory are called by its id and the run, so that one
 * call of squeue finds them. One thread.
 */
#ifndef PRIMO_FAR_SLURM_H
#define PRIMO_FAR_SLURM_H

#include "core/launch/launcher.h"

/* Where runs are. */
struct slurm_place {
    const char *runs;    /* their directory, an absolute path */
    const char *id;      /* of the state directory */
    const char *program; /* an absolute path of primo-train */
};

/* Read. `dir` is the directory of a run. */

/* Whether the run is one of Slurm's. */
bool slurm_has(int dir);
/* 1 = a job is submitted, and its trainer has not ended; *job is its number, or
 * 0. That a job is gone is only known by the queue. */
int slurm_alive(int dir, uint64_t *job);
/* Append the state of its job in Slurm's words, "UNKNOWN" where it is not
 * known. A state that is just changing is waited for. */
void slurm_state(int dir, struct text *out);
/* Append a line for each job of ours: RUN|JOB|STATE|REASON|START|NODES, times
 * in UTC. */
int slurm_queue(const struct slurm_place *p, struct text *out,
                struct reason *why);

/* Change */

/* Submit a job. Its options are lines of a script. 0 also where it was
 * submitted with these texts already and is not `gone`. EHOSTUNREACH: Slurm's
 * controller does not answer. */
int slurm_submit(const struct slurm_place *p, uint64_t run,
                 const struct run_job *job, const struct text *options,
                 uint64_t gone, struct reason *why);
/* Cancel a job that waits, and send TERM to the trainer of one that runs; or
 * cancel it however it is. */
int slurm_cancel(int dir, bool hard, struct reason *why);

/* What is to be a job. */
struct slurm_work {
    const struct text *options; /* lines of the script */
    const char *nodes; /* the path of primo-nodes where several hosts train
                          together, else NULL */
    bool serve;        /* it answers requests */
};

/* slurm_script.c: print the script of a run's job. */
void slurm_script_print(const struct slurm_place *p, uint64_t run,
                        const char *token, const struct slurm_work *work,
                        struct text *out);
/* Append the name of the job of a run, or what the names of all begin with. */
void slurm_name(const struct slurm_place *p, uint64_t run, struct text *out);

#endif
