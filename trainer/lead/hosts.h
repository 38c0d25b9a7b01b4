/*
 * The other hosts that are to train a model together: each is connected to
 * from the first one, by the ssh of that and as its configuration says, given
 * what is here of primo-train and of a data set that was copied, under the same
 * path, and asked whether primo-nodes and MPI are there.
 */
#ifndef PRIMO_LEAD_HOSTS_H
#define PRIMO_LEAD_HOSTS_H

#include "trainer/lead/lead.h"

/* Write the script by which mpirun and rsync reach the hosts. */
int hosts_name(struct lead *l, struct reason *why);
/* Prepare those that are neither ready nor left out, all at the same time. What
 * does not work is said in their `why`. Returns false when it was stopped
 * meanwhile; the threads that are at work then end with the process. */
bool hosts_prepare(struct lead *l);

#endif
