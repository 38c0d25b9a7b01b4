/*
 * Bases that came over a connection: each is called by the first digits of its
 * SHA-256, so that it is sent once and its content can't be another one. One
 * that has not wholly come is NAME.part, and goes on where it was cut. One
 * thread.
 */
#ifndef PRIMO_FAR_BASES_H
#define PRIMO_FAR_BASES_H

#include "core/basic/reason.h"
#include "core/basic/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Read: how many bytes of it are here. */
uint64_t base_part(int dir, const char *name, bool *whole);

/* Change */

/* Add bytes at an offset, which must be what base_part() has said. */
int base_add(int dir, const char *name, uint64_t offset,
             const struct text *bytes, struct reason *why);
/* All has come: check its sum and give it its name. EBADMSG: it is damaged, and
 * gone. */
int base_keep(int dir, const char *name, struct reason *why);
/* Remove those that no run has any more, after some days. */
void bases_tidy(int dir);

#endif
