/*
 * What the launchers `ssh` and `slurm` share: whatever is asked over a link.
 * Those that are functions of a launcher: launcher.h.
 */
#ifndef PRIMO_FAR_SSH_H
#define PRIMO_FAR_SSH_H

#include "core/far/link.h"

/* The launcher */
void ssh_end(void *own);
void ssh_close(void *own);
void ssh_want(const struct launch_target *target);
void ssh_facts(const struct launch_target *target, struct machine_facts *out);
bool ssh_unswept(const struct launch_site *site);
int ssh_sweep(const struct launch_site *site, const struct launch_sweep *sweep);
int ssh_follow(const struct launch_target *target, uint64_t run,
               uint64_t segment, uint64_t offset, struct text *out);
int ssh_fetch(const struct launch_target *target, uint64_t run,
              const char *name, uint64_t limit, int to, struct reason *why);
int ssh_fetch_text(const struct launch_target *target, uint64_t run,
                   const char *name, uint64_t limit, struct text *out,
                   struct reason *why);
int ssh_stop(const struct launch_target *target, uint64_t run,
             struct reason *why);
void ssh_kill(const struct launch_target *target, uint64_t run);

/* Its parts */

/* Send the data set, the texts and the base of a job, and then the request that
 * starts it. `options` are those for Slurm, NULL = there are none. EINPROGRESS:
 * the data set is being copied. */
int ssh_start_as(const struct launch_target *target, struct far_line *in,
                 const struct run_job *job, const struct text *options,
                 struct reason *why);
/* As the launcher's alive(). *job is Slurm's number, 0 = there is none. */
int ssh_alive_with(struct link *l, uint64_t run, uint64_t *job);
/* Append what the trainer said last. `state` becomes Slurm's "STATE JOB", or
 * "".
 */
int ssh_words(struct link *l, uint64_t run, char state[80], struct text *out);

#endif
