/*
 * The supervisor: the threads that make true what the store says. It finds its
 * work in the store, so that a new daemon continues where the last one ended.
 *
 *   - The first thread looks for live processes and starts a thread for each of
 *     them. It also answers whoever waits for a process that has ended, and
 *     saves what is kept in memory.
 *   - One thread for each live process watches its trainer (watch.h). A machine
 *     has one process, so this is one thread a machine: a launcher that hangs,
 *     or a model that is long in saving, holds up nobody else.
 *   - One thread for each launcher looks at its machines and sweeps the run
 *     directories that nobody needs.
 *
 * They share the struct supervisor, whose lock guards its counters and flags;
 * it is never held while a transaction is open or a launcher is called. The
 * list of watchers belongs to the first thread alone.
 */
#ifndef PRIMO_SUPERVISOR_H
#define PRIMO_SUPERVISOR_H

#include "core/basic/reason.h"

struct primo;
struct supervisor;

/* Life cycle */
int supervisor_open(struct supervisor **out, struct primo *primo,
                    struct reason *why);
/* Ends the threads, which takes until all calls of launchers have returned.
 * Trainings go on. NULL is fine. */
void supervisor_close(struct supervisor *s);

/* Change; any thread */
void supervisor_wake(struct supervisor *s);  /* a process has changed */
void supervisor_sweep(struct supervisor *s); /* look for orphans, soon */

#endif
