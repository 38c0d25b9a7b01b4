/*
 * Spawning primo-train: with posix_spawn(), in a session of its own, with no
 * descriptor but those given here, as an inherited one of FUSE would keep a
 * dead mount hanging. Any thread.
 */
#ifndef PRIMO_LAUNCH_SPAWN_H
#define PRIMO_LAUNCH_SPAWN_H

#include "core/launch/launcher.h"

struct spawning {
    const char *path; /* of the run directory */
    const struct run_job *job;
    int dir;   /* the run directory: where the trainer works */
    int lock;  /* taken; the trainer holds it as long as it lives */
    int words; /* its standard output and error */
};

/* Start a trainer. posix_spawn() knows no users: as root, the trainer is told
 * which one it is to become, and does so before it looks at anything of that
 * user's; of root's environment it gets what is no secret. `program` is an
 * absolute path, as the trainer's directory is not one to look for programs in.
 */
int trainer_spawn(const char *program, const struct spawning *sp, pid_t *pid,
                  struct reason *why);

/* Append what the program prints when it is called with `argument`, of at most
 * 4 KiB, in two seconds; -ETIMEDOUT after them, -EIO where it fails. */
int trainer_ask(const char *program, const char *argument, struct text *said,
                struct reason *why);

/* primo-train beside this program, or else where $PATH has it; what is not
 * there at all is missed when a training starts. The caller frees. */
char *trainer_find(void);

#endif
