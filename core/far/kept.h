/*
 * What this host keeps of runs that are elsewhere, as files beside the run
 * directories of this host:
 *
 *     RUN.at.LINK             it was started over this link: of no other host
 *                             is it believed that the run is gone
 *     RUN.NAME.SIZE.TIME      an artifact that has not wholly come, so that a
 *                             fetch that was cut goes on where it was
 *
 * Any thread, for any one run one at a time.
 */
#ifndef PRIMO_FAR_KEPT_H
#define PRIMO_FAR_KEPT_H

#include "core/basic/reason.h"
#include "core/far/link.h"
#include "core/launch/launcher.h"

/* The path of an artifact of this size and time while it comes; what came of
 * others of its name is removed. The caller frees it. */
char *kept_part(const char *runs, uint64_t run, const char *name, uint64_t size,
                uint64_t time);

/* Note that a run is about to be started over a link, or ask. */
int kept_note(const char *runs, uint64_t run, const struct link *l,
              struct reason *why);
bool kept_is_noted(const char *runs, uint64_t run, const struct link *l);

/* Remove all that is kept of a run. */
void kept_forget(const char *runs, uint64_t run);
/* Remove the artifacts, half come, of runs that nobody needs. */
void kept_sweep(const char *runs, const struct launch_sweep *sweep);

#endif
