/*
 * The supervisor: the threads that see to it that what the store says becomes
 * true. It finds its work in the store, so that a new daemon goes on where the
 * last one ended.
 *
 *   - The first thread looks which processes are live, and starts a thread for
 *     each of them; it answers those who wait for one that has ended, and saves
 *     what is kept in memory.
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
/* Ends the threads, once the launchers return; trainings go on. NULL is fine.
 */
void supervisor_close(struct supervisor *s);

/* Change; any thread */
void supervisor_wake(struct supervisor *s);  /* a process has changed */
void supervisor_sweep(struct supervisor *s); /* look for orphans, soon */

#endif
