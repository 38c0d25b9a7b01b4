/*
 * Whether the machine of a live process is within reach. Any thread, within a
 * transaction of the caller; never waits.
 */
#ifndef PRIMO_REACH_H
#define PRIMO_REACH_H

#include "core/launch/launcher.h"
#include "core/process/show.h"

/* The facts about the machine on which the request's process has its run, which
 * is the one that the run has begun on. false: the process is not live, or its
 * machine is this host. */
bool process_reach(struct show_request *r, struct machine_facts *out);

#endif
