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

/* ssh_serve.c */
int ssh_tell(const struct launch_target *target, uint64_t run, const char *name,
             const struct text *text, struct reason *why);
int ssh_give(const struct launch_target *target, uint64_t run, int dir,
             const char *name, const char *as, bool kept, struct reason *why);

/* Its parts */

/* Send a file from byte in->a on, in pieces, each with the request `in`; from 0
 * on at least one. *unread = it could not be read, which *why does not say. */
int ssh_pieces_send(struct link *l, struct far_line *in, int fd, bool *unread,
                    struct reason *why);
/* Send a file DIR/file where it is not there yet, or the rest of it, and set
 * the name under which it is kept there for a while. */
int ssh_file_send(struct link *l, int dir, const char *file, char name[64],
                  struct reason *why);

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
