/*
 * The worker of a service: it is told of pictures (told.h), and says in the
 * journal what they are. It keeps the model in memory, evaluates together what
 * waits, and never waits for more. A worker that is told of a list answers that
 * (list_job.h) and ends. Main thread.
 */
#ifndef PRIMO_SERVE_H
#define PRIMO_SERVE_H

#include "trainer/run/rundir.h"

/* Answer until the list is done, the worker is stopped, which ends the process
 * (control.h), or a model cannot be opened. */
int serve(struct rundir *run, struct reason *why);

#endif
