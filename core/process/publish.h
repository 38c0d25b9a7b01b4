/*
 * Publishing what a run has made, as a version of its template's model.
 */
#ifndef PRIMO_PUBLISH_H
#define PRIMO_PUBLISH_H

#include "core/launch/launcher.h"
#include "core/state/primo.h"

/* Fetch what a succeeded run of the process made, then name it and turn the
 * process to succeeded in one transaction. A failure leaves no trace. It copies
 * and syncs tens of megabytes, which is why it is called by the thread that
 * watches the process; several processes may publish at once. */
int model_publish(struct primo *primo, const struct launch_target *target,
                  uint64_t process, uint64_t run, struct reason *why);

#endif
