/*
 * Spawning primo-train: with posix_spawn(), in a session of its own, and with
 * no descriptors but those given here, because an inherited descriptor of FUSE
 * would keep a dead mount hanging. Any thread.
 */
#ifndef PRIMO_LAUNCH_SPAWN_H
#define PRIMO_LAUNCH_SPAWN_H

#include "core/launch/launcher.h"

struct spawning {
    const char *path; /* the run directory's path */
    const struct run_job *job;
    int dir;   /* the run directory, in which the trainer works */
    int lock;  /* the locked file; the trainer holds it as long as it lives */
    int words; /* becomes the trainer's standard output and error */
};

/* Start a trainer. posix_spawn() cannot change the user: if we are root, the
 * trainer is told which user to become, and does so before it touches anything
 * that belongs to that user; it gets only the public part of root's
 * environment. `program` must be an absolute path, because the spawned process
 * first enters the run directory, where no program must be looked up. */
int trainer_spawn(const char *program, const struct spawning *sp, pid_t *pid,
                  struct reason *why);

struct sending {
    const char *folder; /* the data set */
    const struct run_job *job;
    int wire;  /* becomes descriptor SENDER_WIRE_FD */
    int said;  /* and its standard output */
    int words; /* and its standard error */
};
enum { SENDER_WIRE_FD = 3 };

/* Start `primo-train --send`, which sends a data set over a connection, with
 * the rights of the user of the job, as above. */
int sender_spawn(const char *program, const struct sending *s, pid_t *pid,
                 struct reason *why);

/* Append what the program prints when it is called with `argument`, at most
 * about 64 KiB. -ETIMEDOUT: it did not end within two seconds; -EIO: it failed.
 */
int trainer_ask(const char *program, const char *argument, struct text *said,
                struct reason *why);

/* Append what the loader of the C library lists for the program, as ldd does:
 * each library with the path from which it would be taken. Fails as above. */
int trainer_libraries(const char *program, struct text *list,
                      struct reason *why);

/* The path of primo-train: beside this program, or else in $PATH. If it is in
 * neither, some path is returned all the same, and starting a training will
 * say that it does not exist. The caller frees it. */
char *trainer_find(void);
/* The path of the primo-nodes that belongs to a primo-train: beside it, or
 * where `make install` puts it. NULL: there is none. The caller frees it. */
char *nodes_program_find(const char *trainer);

#endif
