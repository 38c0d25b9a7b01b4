/*
 * What the files of the `local` launcher share: local.c starts trainers and
 * gathers facts about this host, local_run.c watches and stops one run,
 * local_sweep.c removes what is left of runs.
 *
 * STATE/runs/ID is a run directory. If the daemon runs as root, it belongs to
 * the user whose run it is. STATE/runs/ID.lock belongs to the daemon, and the
 * living trainer holds a lock on it: a run is alive as long as that lock is
 * taken, whichever daemon started it and whatever its process number is.
 *
 * The list of children and the facts about the host are shared by the threads
 * of all machines and have locks of their own. Everything else is on the disk,
 * where only one thread deals with each run.
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
    /* Held while a program is spawned, and while a trainer is searched for by
     * the lock file it has open: until it calls exec(), a child has copies of
     * all our descriptors and would be taken for that trainer. */
    pthread_mutex_t spawning;
    /* When an orphan was first asked to stop, in monotonic seconds; 0 = there
     * is no orphan. Only the thread that sweeps uses this. */
    double orphan_time;
};

static inline struct local *local_of(const struct launch_site *site)
{
    return site->own;
}

/* local_run.c */

/* The path STATE/runs/ID, followed by `tail`; the caller frees it. */
char *local_path(const struct launch_site *site, uint64_t run,
                 const char *tail);
/* 1 = alive, 0 = gone; an error: this is not known. */
int local_is_alive(const struct launch_site *site, uint64_t run);
int local_ask_to_stop(const struct launch_site *site, uint64_t run,
                      struct reason *why);
/* Kills the trainer. */
void local_end(const struct launch_site *site, uint64_t run);

/* The functions of the launcher that are not in local.c (launcher.h) */
int local_sweep(const struct launch_site *site,
                const struct launch_sweep *sweep);
int local_alive(const struct launch_target *target, uint64_t run);
int local_follow(const struct launch_target *target, uint64_t run,
                 uint64_t segment, uint64_t offset, struct text *out);
int local_tell(const struct launch_target *target, uint64_t run,
               const char *name, const struct text *text, struct reason *why);
int local_give(const struct launch_target *target, uint64_t run, int dir,
               const char *name, const char *as, bool kept, struct reason *why);
int local_fetch(const struct launch_target *target, uint64_t run,
                const char *name, uint64_t limit, int to, struct reason *why);
int local_fetch_text(const struct launch_target *target, uint64_t run,
                     const char *name, uint64_t limit, struct text *out,
                     struct reason *why);
int local_stop(const struct launch_target *target, uint64_t run,
               struct reason *why);
void local_kill(const struct launch_target *target, uint64_t run);
bool local_last_words(const struct launch_target *target, uint64_t run,
                      struct text *out);

#endif
