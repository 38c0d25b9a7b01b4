/*
 * Whether the machine of a live process, or of a service, is within reach, and
 * where in a queue its run is. Any thread, within a transaction of the caller;
 * never waits.
 */
#ifndef PRIMO_REACH_H
#define PRIMO_REACH_H

#include "core/launch/launcher.h"
#include "core/process/show.h"

/* The facts about the machine on which the request's process has its run, which
 * is the one that the run has begun on. false: the process is not live, or its
 * machine is this host. */
bool process_reach(struct show_request *r, struct machine_facts *out);
/* The same of the machine of any run, with its launcher. */
bool run_reach(struct show_request *r, const char *launcher, uint64_t run,
               struct machine_facts *out);
/* Append since when the machine is out of reach, and why. Returns whether it
 * is. */
bool reach_put(const struct machine_facts *facts, struct text *out);
/* Append what is known of the queue in which the process's run waits, or has
 * waited. Nothing where it is not live, or where there is no queue. */
void process_waits(struct show_request *r, struct text *out);
/* The same of any run that is live. */
void run_waits(struct show_request *r, const char *launcher, uint64_t run,
               struct text *out);

#endif
