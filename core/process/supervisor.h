/*
 * The supervisor: one thread that starts trainers, follows their journals,
 * starts lost ones again and publishes what they made. It finds its work in
 * the store, so that a new daemon goes on where the last one ended.
 */
#ifndef PRIMO_SUPERVISOR_H
#define PRIMO_SUPERVISOR_H

#include "core/basic/reason.h"

struct primo;
struct supervisor;

/* Life cycle */
int supervisor_open(struct supervisor **out, struct primo *primo,
                    struct reason *why);
/* Ends the thread; trainings go on. NULL is fine. */
void supervisor_close(struct supervisor *s);

/* Change; any thread */
void supervisor_wake(struct supervisor *s);  /* a process has changed */
void supervisor_sweep(struct supervisor *s); /* look for orphans, soon */

#endif
