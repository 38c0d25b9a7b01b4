/*
 * Confinement: a trainer is held to what training needs, in case that a
 * picture, or weights that somebody gave it, make it do something else. It
 * reads what its user may read; it writes in one folder; it has no network,
 * starts no program, and looks into no other process. For good, and for this
 * thread and those that it makes: to be called while there is one.
 */
#ifndef PRIMO_CONFINE_H
#define PRIMO_CONFINE_H

#include "core/basic/text.h"

/* Confine to a folder; NULL = nothing may be written. What the kernel can't
 * do is left out: *said gets a line for people on what holds and what does
 * not; NULL = nobody wants to know. */
void confine(const char *folder, struct text *said);

#endif
