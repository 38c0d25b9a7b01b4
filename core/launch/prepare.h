/*
 * A run directory, made ready for its trainer: by the launcher `local`, and by
 * who has the trainer started by somebody else. Any thread, for any one run one
 * at a time.
 */
#ifndef PRIMO_LAUNCH_PREPARE_H
#define PRIMO_LAUNCH_PREPARE_H

#include "core/launch/launcher.h"

/* Make RUNS/RUN where it is not there, for job->uid and job->gid, write the
 * texts of the job into it, link its base and the pictures that were decoded
 * before, and remove a stop that was meant for an earlier trainer. Returns a
 * descriptor of the directory. */
int run_prepare(const char *runs, uint64_t run, const struct run_job *job,
                struct reason *why);

#endif
