/*
 * What the files of the launcher of this host share: local.c starts trainers
 * and knows the machine, local_run.c watches and stops one run, local_sweep.c
 * removes what is left of runs.
 *
 * STATE/runs/ID is a run directory. Where the daemon is root's, it belongs to
 * the user whose run it is. STATE/runs/ID.lock is ours, and the living trainer
 * holds it: a run is alive while its lock is taken, whoever started it and
 * whatever its process number is.
 *
 * The children and the facts of the host are shared by the threads of all
 * machines and guard themselves. All else is on the disk, where each run is
 * dealt with by one thread.
 */
#ifndef PRIMO_LOCAL_INSIDE_H
#define PRIMO_LOCAL_INSIDE_H

#include "core/launch/child.h"
#include "core/launch/host.h"
#include "core/launch/launcher.h"

#include <pthread.h>

/* What is kept between calls. */
struct local {
    struct host host;
    struct launch_children children;
    /* Held while a program is spawned, and while a trainer is looked for by the
     * lock it has open: until it calls exec(), a child has copies of all our
     * descriptors and would be taken for it. */
    pthread_mutex_t spawning;
    /* When an orphan was first asked to stop, in monotonic seconds; 0 = there
     * is none. Only the thread that sweeps uses it. */
    double orphan_time;
};

static inline struct local *local_of(const struct launch_site *site)
{
    return site->own;
}

/* local_run.c */

/* STATE/runs/ID and `tail`; freed by the caller. */
char *local_path(const struct launch_site *site, uint64_t run,
                 const char *tail);
/* The run directory, open. */
int local_open_run(const struct launch_site *site, uint64_t run,
                   struct reason *why);
/* 1 alive, 0 gone; an error where that cannot be told. */
int local_is_alive(const struct launch_site *site, uint64_t run);
int local_ask_to_stop(const struct launch_site *site, uint64_t run,
                      struct reason *why);
/* End the trainer at once. */
void local_end(const struct launch_site *site, uint64_t run);

/* Functions of the launcher that stand in the other files (launcher.h) */
int local_sweep(const struct launch_site *site,
                const struct launch_sweep *sweep);
int local_alive(const struct launch_target *target, uint64_t run);
int local_follow(const struct launch_target *target, uint64_t run,
                 uint64_t segment, uint64_t offset, struct text *out);
int local_fetch(const struct launch_target *target, uint64_t run,
                const char *name, uint64_t limit, int to, struct reason *why);
int local_fetch_text(const struct launch_target *target, uint64_t run,
                     const char *name, uint64_t limit, struct text *out,
                     struct reason *why);
int local_stop(const struct launch_target *target, uint64_t run,
               struct reason *why);
void local_kill(const struct launch_target *target, uint64_t run);
void local_last_words(const struct launch_target *target, uint64_t run,
                      struct text *out);

#endif
