/*
 * Confinement: a trainer is held to what training needs, in case that a
 * picture, or weights that somebody gave it, make it do something else. It
 * reads what its user may read; it writes in one folder; it has no network,
 * starts no program and no process, changes no mode, owner, attribute or time
 * of a file, sends no signal, and looks into no other process. It is left
 * with the system calls that training takes; any other one fails with EACCES
 * and a line in the kernel's audit log. For good, and for this thread and those
 * that it makes: to be called while there is one. A build with a sanitizer,
 * which traces its process and writes where it likes, is not confined.
 *
 * Not covered: what the user may read can be read, and written into the one
 * folder, without a bound but 16 GiB a file; processors and memory; and faults
 * of the kernel in the calls that are left.
 */
#ifndef PRIMO_CONFINE_H
#define PRIMO_CONFINE_H

#include "core/basic/text.h"

/* Confine to a folder; NULL = nothing may be written. What the kernel can't do
 * is left out. *said gets a line for people that says what holds and what does
 * not; `said` may be NULL. */
void confine(const char *folder, struct text *said);

#endif
