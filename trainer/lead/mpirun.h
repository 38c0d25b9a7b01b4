/*
 * mpirun, which starts a primo-nodes on each host, here and through ssh, and
 * ends when they have.
 *
 * It tells little of what happens to it, and waits long for a host that is
 * gone: so it is watched from outside. The trainer of the first host holds a
 * pipe open, whose end says that it has ended; then the rest has some seconds
 * to follow.
 */
#ifndef PRIMO_LEAD_MPIRUN_H
#define PRIMO_LEAD_MPIRUN_H

#include "trainer/lead/lead.h"

/* Whether it is here, and primo-nodes starts. ENOENT: the sentence has the
 * step. */
int mpirun_check(const struct lead *l, struct reason *why);
/* Have the hosts train that are not left out, until they have ended. 0: the
 * trainer of this host has ended by itself, and its journal says how. EIO: it
 * was lost, for this reason; *begun says whether it had begun. -ECANCELED: a
 * stop was asked for before. */
int mpirun_run(const struct lead *l, bool *begun, struct reason *why);

#endif
