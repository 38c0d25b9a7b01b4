/*
 * What runs of a service are made from, those that answer requests and those
 * that answer lists: where they run, and what their workers are given. Any
 * thread.
 */
#ifndef PRIMO_SERVING_RUN_H
#define PRIMO_SERVING_RUN_H

#include "core/inbox/serving.h"
#include "core/launch/launcher.h"
#include "core/state/primo.h"

/* Find the launcher of a replica, and the settings of its machine as they were
 * when it was started. target->machine was initialised. EINVAL: the launcher
 * runs no services. */
int serving_target_load(struct primo *primo, const struct replica *r,
                        struct launch_target *target, struct reason *why);
/* Fill the texts of a job: with the settings of the machine and of the service,
 * the journal segment to write and the file of what is told to begin with. */
void serving_job_fill(const struct settings *machine,
                      const struct settings *service, uint64_t segment,
                      uint64_t told, struct run_job *job);

#endif
